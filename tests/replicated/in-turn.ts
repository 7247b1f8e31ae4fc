/** Does all of it, one after the other, whatever becomes of what was before; rejects with all that went wrong. */
export async function inTurn(...steps: (() => unknown)[]): Promise<void> {
  const failed: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failed.push(error);
    }
  }
  if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('; '));
}
