import { StepError } from '../reconcile/conditions.ts';

export interface ManagementAnswer {
  status: number;
  body: unknown;
}

/**
 * RabbitMQ's management HTTP API. To a question or a removal an answer of 404 is returned, as it may be what
 * was asked; anything else that isn't success throws a {@link StepError} with a sentence that says what to do.
 */
export class ManagementApi {
  readonly #base: string;
  readonly #authorization: string;
  readonly #timeoutMs: number;
  /** Who asks: the user of the address. */
  readonly user: string;

  constructor(managementUrl: string, timeoutMs = 10_000) {
    const url = new URL(managementUrl);
    this.user = decodeURIComponent(url.username) || 'guest';
    const password = decodeURIComponent(url.password) || 'guest';
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, '')}/api`;
    this.#authorization = `Basic ${Buffer.from(`${this.user}:${password}`).toString('base64')}`;
    this.#timeoutMs = timeoutMs;
  }

  get(...path: string[]): Promise<ManagementAnswer> {
    return this.#ask('GET', path);
  }

  put(body: object, ...path: string[]): Promise<ManagementAnswer> {
    return this.#ask('PUT', path, body);
  }

  post(body: object, ...path: string[]): Promise<ManagementAnswer> {
    return this.#ask('POST', path, body);
  }

  delete(...path: string[]): Promise<ManagementAnswer> {
    return this.#ask('DELETE', path);
  }

  async #ask(method: string, path: readonly string[], body?: object): Promise<ManagementAnswer> {
    const where = `/${path.map(encodeURIComponent).join('/')}`;
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#base + where, {
        method,
        headers: { authorization: this.#authorization, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body && { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (error) {
      throw new StepError(
        'Unreachable',
        'RabbitMQ’s management API does not answer; start RabbitMQ with the plugin rabbitmq_management, or correct RABBITMQ_MANAGEMENT_URL',
        { cause: error },
      );
    }
    const { status } = response;
    if (status === 401)
      throw new StepError(
        'AccessDenied',
        'RabbitMQ refuses the user or password of RABBITMQ_MANAGEMENT_URL, or the user has no tag that lets it administrate',
        { lasting: true },
      );
    const json = parse(text);
    const absent = status === 404 && (method === 'GET' || method === 'DELETE');
    if (!response.ok && !absent) {
      const { reason } = (json ?? {}) as { reason?: string };
      throw new StepError('BrokerRefused', `RabbitMQ refuses ${method} ${where}: ${reason ?? status}`);
    }
    return { status, body: json };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
