import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetrics } from '@scrutin/shared/metrics.ts';
import { operatorMetrics, readingOf } from '../../operator-metrics.ts';
import { StepError } from '../../reconcile/conditions.ts';
import { controllerMetrics } from '../controller-metrics.ts';
import { ControllerUnderTest } from './controller-under-test.ts';
import { openSpec } from './open-spec.ts';

/**
 * The cluster's operator with its own metrics behind `/metrics`, over an API server in memory. One of its two
 * Elections lacks a Secret, so that there are failures to measure.
 */
export class MeasuredController {
  readonly #under: ControllerUnderTest;
  readonly #server: Server;
  #ticking: NodeJS.Timeout | undefined;
  #advancing: Promise<void> = Promise.resolve();

  constructor() {
    const registry = createMetrics('operator', '', 'test');
    const metrics = operatorMetrics(registry, () =>
      this.#under.controller.elections().map(({ metadata, status }) => readingOf(metadata.name, status)),
    );
    const observer = controllerMetrics(registry, metrics, {
      queueDepth: () => this.#under.controller.queueDepth,
      working: () => this.#under.controller.working,
      leading: () => this.#under.leads,
    });
    this.#under = new ControllerUnderTest({ observer });
    this.#server = createServer(async (_request, response) => {
      response.setHeader('content-type', registry.contentType).end(await registry.metrics());
    });
  }

  /** Resolves with the port on the loopback where the metrics are. */
  async start(): Promise<number> {
    const { elections, unavailable } = this.#under;
    this.#under.start();
    elections.put('ns', 'whole', openSpec());
    elections.put('ns', 'lacking', openSpec());
    unavailable.set('ns/lacking', new StepError('SecretMissing', 'there is no Secret connections; make it'));
    // Its clock stands still unless moved on: ten of its seconds for one of ours, so that failures come again.
    this.#ticking = setInterval(() => {
      this.#advancing = this.#advancing.then(() => this.#under.clock.advance(2_000));
    }, 200);
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticking);
    await this.#advancing;
    await this.#under.stop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
