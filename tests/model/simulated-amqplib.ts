import type { SimBroker, SimConnection } from './sim-broker.ts';
import type { World } from './world.ts';

/** The broker that the simulated `amqplib` leads to: that of the run which is under way. */
export const reachable: { broker: SimBroker | undefined; world: World | undefined } = {
  broker: undefined,
  world: undefined,
};

/** `amqplib`'s `connect`. Whoever calls is the process whose code the world is running. */
export async function connect(_url: string, options: { signal: AbortSignal }): Promise<SimConnection> {
  const { broker, world } = reachable;
  if (!broker || !world?.current) throw new Error('there is no simulated broker');
  return broker.connect(world.current, options.signal);
}
