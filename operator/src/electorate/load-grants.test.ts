import { beforeEach, describe, expect, it } from '@jest/globals';
import { Electorate, LoadInterrupted } from './electorate.ts';
import type { ElectorateSource } from './electorate-state.ts';
import { LoadGrants } from './load-grants.ts';
import {
  electorate,
  keys,
  load,
  marks,
  ownElectorates,
  redis,
  source,
  voters,
} from './testing/own-electorates.ts';

ownElectorates();

let grants: LoadGrants;
beforeEach(() => {
  grants = new LoadGrants(redis, electorate.electionId);
});

describe('a loader that needs a grant', () => {
  const loader = () => new Electorate(redis, electorate.electionId, 'ours');

  it('loads once it has it, and not with another’s', async () => {
    await expect(loader().begin(source)).rejects.toThrow('this load is not granted');
    await grants.give('another', 3);
    await expect(loader().begin(source)).rejects.toThrow(LoadInterrupted);
    expect(await keys('meta')).toEqual([]);
    await grants.give('ours', 3);
    const ours = loader();
    await ours.begin(source);
    await ours.add(voters);
    await ours.finish();
    expect(await electorate.audit()).toEqual({ ok: true, counted: 500 });
  });

  it('changes nothing of what is there without it', async () => {
    await load();
    await expect(loader().begin({ ...source, digest: '0c'.repeat(32) })).rejects.toThrow(LoadInterrupted);
    expect(await electorate.audit()).toEqual({ ok: true, counted: 500 });
  });

  it('comes to nothing when it starts after everything was removed', async () => {
    await grants.give('ours', 3);
    await electorate.remove();
    await expect(loader().begin(source)).rejects.toThrow(LoadInterrupted);
    expect(await keys()).toEqual([]);
  });

  it('comes to nothing when everything is removed between its look and its first write', async () => {
    await grants.give('ours', 3);
    // What `begin` scans for is asked after the grant was looked at.
    const late = new Proxy(redis, {
      get: (target, name) => {
        if (name !== 'scan') return Reflect.get(target, name);
        return async (...args: Parameters<typeof redis.scan>) => {
          await electorate.remove();
          return target.scan(...args);
        };
      },
    });
    const begun = new Electorate(late, electorate.electionId, 'ours').begin(source);
    await expect(begun).rejects.toThrow(LoadInterrupted);
    expect(await keys()).toEqual([]);
  });

  describe('whose place another has taken', () => {
    const other: ElectorateSource = {
      layout: { shards: 2, bucketBits: 2 },
      digest: '0c'.repeat(32),
      pepperId: 'p1',
    };
    let ours: Electorate;
    beforeEach(async () => {
      await grants.give('ours', 3);
      ours = loader();
      await ours.begin(source);
      await ours.add(voters.slice(0, 200));
      await grants.give('another', 2);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['begins', () => loader().begin(source)],
      ['adds', () => ours.add(voters)],
      ['writes its progress', () => ours.checkpoint(500, 0)],
      ['finishes', () => ours.finish()],
      ['restores marks', () => ours.restoreMarks(marks('loi-1', voters))],
      ['clears', () => ours.clear()],
    ])('%s no more, also before the other has begun', async (_what, work) => {
      const before = await electorate.state();
      await expect(work()).rejects.toThrow('this load is not granted');
      expect(await electorate.state()).toEqual(before);
      expect(await electorate.audit()).toMatchObject({ counted: 200 });
      expect(await keys('v:*')).toEqual([]);
    });

    it('takes nothing away that the other has put there, even of the same source', async () => {
      // Paused where it has looked for what to remove, and back when the other is done.
      let theirs: Promise<void> | undefined;
      const late = new Proxy(redis, {
        get: (target, name) => {
          if (name !== 'scan') return Reflect.get(target, name);
          return async (...args: Parameters<typeof redis.scan>) => {
            const found = await target.scan(...args);
            theirs ??= takeOver();
            await theirs;
            return found;
          };
        },
      });
      const takeOver = async () => {
        await grants.give('another', 3);
        const another = new Electorate(redis, electorate.electionId, 'another');
        await another.begin(source);
        await another.add(voters);
        await another.finish();
      };
      await grants.give('ours', 3);
      const begun = new Electorate(late, electorate.electionId, 'ours').begin({ ...source, pepperId: 'p2' });
      await expect(begun).rejects.toThrow('this load is not granted');
      expect(theirs).toBeDefined();
      expect(await electorate.state()).toMatchObject({ state: 'ready', eligible: 500 });
      expect(await electorate.audit()).toEqual({ ok: true, counted: 500 });
    });

    it('leaves the other its own voters alone, in the shards of both', async () => {
      const another = new Electorate(redis, electorate.electionId, 'another');
      expect(await another.begin(other)).toMatchObject({ state: 'loading', eligible: 0, processed: 0 });
      await expect(ours.add(voters.slice(200))).rejects.toThrow(LoadInterrupted);
      await another.add(voters.slice(400));
      await expect(ours.checkpoint(500, 0)).rejects.toThrow(LoadInterrupted);
      await another.finish();
      await expect(ours.finish()).rejects.toThrow(LoadInterrupted);
      expect(await electorate.state()).toMatchObject({ state: 'ready', layout: other.layout, eligible: 100 });
      expect(await electorate.audit()).toEqual({ ok: true, counted: 100 });
      expect(await keys('meta')).toHaveLength(2);
    });

    it('does not get it back by being given it again', async () => {
      const again = await grants.give('ours', 3);
      await redis.unlink(await keys('grant'));
      await again();
      await loader().begin(source);
      await grants.give('another', 3);
      await again();
      await expect(loader().begin(source)).rejects.toThrow('this load is not granted');
    });
  });

  it('writes nothing more once all loads but another are ended, and that one goes on', async () => {
    await grants.give('ours', 3);
    const ours = loader();
    await ours.begin(source);
    await grants.revoke('ours');
    await ours.add(voters.slice(0, 200));
    await grants.revoke();
    await expect(ours.add(voters)).rejects.toThrow('this load is not granted');
    await expect(ours.finish()).rejects.toThrow(LoadInterrupted);
    expect(await electorate.state()).toMatchObject({ state: 'loading', eligible: 200 });
    expect(await keys('grant')).toEqual([]);
  });

  it('keeps a grant for an hour at the longest', async () => {
    await grants.give('ours', 3);
    for (const key of await keys('grant')) expect(await redis.pttl(key)).toBeGreaterThan(3_000_000);
    expect(await keys('grant')).toHaveLength(3);
  });
});
