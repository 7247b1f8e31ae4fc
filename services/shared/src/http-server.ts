import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** A vote's or a reader's headers are well under 2 KiB; this is room for proxies and cookies. */
const MAX_HEADER_BYTES = 16_384;
/**
 * Connections that wait to be accepted. Past Node's 511 a rush of new clients would wait seconds for the kernel's next try; the
 * kernel takes as many as its somaxconn says (4,096 by default).
 */
const BACKLOG = 4_096;
/** A client that was idle for so long while the server closes is not about to send. */
const IDLE_MS = 250;
/**
 * A connection on which nothing moves for so long is cut: its client does not read its answers. Longer than a vote may take,
 * of which most is the broker's confirm (CONFIRM_TIMEOUT_MS, a minute at the most).
 */
const STALLED_MS = 90_000;

/** What the cluster asks a process itself: no sign that a load balancer still sends people here. */
const OF_THE_CLUSTER = new Set(['/livez', '/readyz', '/health', '/api/v1/health', '/metrics']);

/** Responses not yet sent, per server, so that {@link endKeepAlive} can tell their clients. */
const outstanding = new WeakMap<Server, Set<ServerResponse>>();
/** When somebody has asked last, by the monotonic clock. Milliseconds. */
const lastAsked = new WeakMap<Server, number>();
const closing = new WeakSet<Server>();

/**
 * Starts listening with limits on slow clients (P6). `listening` resolves with the port, or rejects with a
 * sentence that says which setting to change.
 */
export function listen(
  app: RequestListener,
  host: string,
  port: number,
  { stalledMs = STALLED_MS }: { stalledMs?: number } = {},
): { server: Server; listening: Promise<number> } {
  const server = createServer({
    // From the first byte: all headers, and the whole request.
    headersTimeout: 10_000,
    requestTimeout: 15_000,
    // Node looks only every 30 seconds by default, which would make 45 of those 15.
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 65_000,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  server.maxConnections = 10_000;
  server.timeout = stalledMs;
  const responses = new Set<ServerResponse>();
  outstanding.set(server, responses);
  server.on('request', (request, response) => {
    responses.add(response);
    response.once('close', () => responses.delete(response));
    if (closing.has(server)) response.shouldKeepAlive = false;
    if (!OF_THE_CLUSTER.has(request.url ?? '')) lastAsked.set(server, performance.now());
    app(request, response);
  });
  server.listen({ port, host, backlog: BACKLOG });
  const listening = new Promise<number>((resolve, reject) => {
    server.once('listening', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${port} on ${host} is in use; set PORT to a free one`)
          : error,
      );
    });
  });
  return { server, listening };
}

/**
 * From now on each connection's next answer is its last, and says so (`Connection: close`). New connections are accepted as
 * before. What is then idle for long has a client that is not about to send.
 */
export function endKeepAlive(server: Server): void {
  closing.add(server);
  const lastOfEach = new Map<Socket, ServerResponse>();
  for (const response of outstanding.get(server) ?? []) lastOfEach.set(response.req.socket, response);
  for (const response of lastOfEach.values()) response.shouldKeepAlive = false;
}

/** Resolves once nobody but the cluster has asked anything for `quietMs`, after `limitMs` at the latest. */
export async function untilQuiet(server: Server, quietMs: number, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    const now = performance.now();
    const quietAt = (lastAsked.get(server) ?? Number.NEGATIVE_INFINITY) + quietMs;
    if (quietAt <= now || now >= end) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(quietAt, end) - now));
  }
}

/**
 * Stops accepting connections and resolves when the last is closed, after `limitMs` at the latest. No
 * request that was sent goes unanswered: each connection's next answer says `Connection: close`, and only a
 * connection that stays idle is closed without one.
 */
export async function closeServer(server: Server, limitMs = 5_000): Promise<void> {
  if (!server.listening) return;
  endKeepAlive(server);
  await new Promise<void>((resolve) => {
    // http's own close() would also close idle connections, at once: among them those whose client is about
    // to send.
    NetServer.prototype.close.call(server, () => resolve());
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_MS);
    const limit = setTimeout(() => server.closeAllConnections(), limitMs);
    server.once('close', () => {
      clearInterval(sweep);
      clearTimeout(limit);
    });
  });
  // Ends the timer that looks for slow clients.
  server.close();
}
