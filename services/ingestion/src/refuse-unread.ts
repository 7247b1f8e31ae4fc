import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface UnreadRefusalOptions {
  /** Whether such a request would be refused now, whatever else is in it. */
  full: () => boolean;
  /** What a request begins with that may be refused unread: method, a space, path. */
  begins: string;
  /** The whole answer, headers and body; it says `Connection: close`. */
  answer: Buffer;
  /** Told of each refusal, with the seconds from the connection to the answer. */
  onRefused: (seconds: number) => void;
}

/** For the first bytes of a request, which come with the connection or hardly later; and for the client to take its answer. Milliseconds. */
const PATIENCE_MS = 1_000;

/**
 * Refuses requests on new connections before there is anything of HTTP for them, while the server is full. Clients that come anew
 * for each request cost more by their connections than by what they send; parser, request and response are nearly half of what such a
 * refusal costs. All else goes to the server's own listener as if nothing had been looked at.
 */
export function refuseUnread(server: Server, options: UnreadRefusalOptions): void {
  const { full, begins, answer, onRefused } = options;
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  const serveHttp = (socket: Socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };

  const meet = (socket: Socket) => {
    const since = performance.now();
    let refused = false;
    // Whoever sends nothing waits at the server itself, whose limits are for that.
    const patience = setTimeout(() => (refused ? socket.destroy() : passOn()), PATIENCE_MS);
    const passOn = (bytes?: Buffer) => {
      clearTimeout(patience);
      socket.off('data', look).off('end', leave).off('error', leave).off('close', passed);
      socket.pause();
      serveHttp(socket);
      if (bytes) socket.unshift(bytes);
      socket.resume();
    };
    const look = (bytes: Buffer) => {
      if (refused) return;
      if (!full() || !beginsWith(bytes, begins)) {
        passOn(bytes);
        return;
      }
      refused = true;
      socket.end(answer);
      // What else is sent is read and thrown away: closing before it has come would take the answer from the client.
      patience.refresh();
      onRefused((performance.now() - since) / 1000);
    };
    const leave = () => {
      if (!refused) socket.destroy();
    };
    const passed = () => clearTimeout(patience);
    socket.on('data', look).on('end', leave).on('error', leave).on('close', passed);
  };

  server.on('connection', (socket) => {
    if (full()) meet(socket);
    else serveHttp(socket);
  });
}

/** A path may go on with its query only. */
function beginsWith(bytes: Buffer, begins: string): boolean {
  const next = bytes[begins.length];
  return (next === 0x20 || next === 0x3f) && bytes.toString('latin1', 0, begins.length) === begins;
}
