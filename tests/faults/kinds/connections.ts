import type { Direction } from '@scrutin/shared/testing/tcp-proxy.ts';
import { type FaultKind, midway } from '../fault.ts';
import { Routes } from '../routes.ts';
import { pauseWithin, STAGES } from '../scene.ts';

const WAYS = [...Routes.names(STAGES), 'clients/ingestion'];

export const cutConnections: FaultKind = (random) => {
  const ways = Array.from({ length: random.between(1, 6) }, () => random.pick(WAYS));
  const pauses = ways.map(() => random.between(0, 400));
  return {
    says: `cut, one after the other: ${ways.join(', ')}`,
    at: midway(random),
    strike: async (scene) => {
      for (const [i, way] of ways.entries()) {
        scene.routes.named(way).cut();
        await pauseWithin(scene, pauses[i]!);
      }
    },
  };
};

export const refuseConnections: FaultKind = (random) => {
  const way = random.pick(WAYS);
  const ms = random.between(200, 3_000);
  return {
    says: `${way} cut and refused for ${ms} ms`,
    at: midway(random),
    strike: async (scene) => {
      const proxy = scene.routes.named(way);
      proxy.refuse();
      await pauseWithin(scene, ms);
      proxy.pass();
    },
  };
};

export const freezeConnections: FaultKind = (random) => {
  const way = random.pick(WAYS);
  const ms = random.between(500, 7_000);
  return {
    says: `${way} stands still for ${ms} ms`,
    at: midway(random),
    strike: async (scene) => {
      const proxy = scene.routes.named(way);
      proxy.freeze();
      await pauseWithin(scene, ms);
      proxy.pass();
    },
  };
};

export const delayConnections: FaultKind = (random) => {
  const ways = random.shuffled(WAYS).slice(0, random.between(1, WAYS.length));
  const delay = random.between(5, 300);
  const ms = random.between(500, 4_000);
  return {
    says: `${delay} ms each way more for ${ms} ms: ${ways.join(', ')}`,
    at: midway(random),
    strike: async (scene) => {
      for (const way of ways) scene.routes.named(way).delay(delay);
      await pauseWithin(scene, ms);
      for (const way of ways) scene.routes.named(way).delay(0);
    },
  };
};

/** Nothing repairs these but the product: it has to notice that nobody is there any more. */
export const halfOpenConnections: FaultKind = (random) => {
  const way = random.pick(WAYS);
  const directions = random.pick<Direction[]>([['toServer', 'toClient'], ['toServer'], ['toClient']]);
  return {
    says: `connections of ${way} become half-open: ${directions.join(' and ')} gets lost`,
    at: midway(random),
    strike: async (scene) => {
      scene.routes.named(way).swallow(directions);
    },
  };
};
