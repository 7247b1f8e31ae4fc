import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** Serves an electorate's file over HTTP; the test decides what becomes of a request. */
export class HashServer {
  readonly #server: Server;
  text = '';
  /** Answers a request in place of the file; true if it has. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  requests = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests++;
      if (this.answer(request, response)) return;
      response.setHeader('content-length', Buffer.byteLength(this.text));
      Readable.from(chunks(this.text)).pipe(response);
    });
  }

  static async start(text = ''): Promise<HashServer> {
    const server = new HashServer();
    server.text = text;
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/roll.txt`;
  }

  get sha256(): string {
    return createHash('sha256').update(this.text).digest('hex');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function* chunks(text: string): Generator<string> {
  const size = 1 << 20;
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}
