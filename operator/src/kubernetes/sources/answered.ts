/** Milliseconds until the headers of an answer; the body may take as long as it moves. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Asks, and gives up if the answer has not begun in time (P6). Rejects as `ask` does. */
export async function answered(
  ask: (signal: AbortSignal) => Promise<Response>,
  signal?: AbortSignal,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await ask(signal ? AbortSignal.any([signal, late.signal]) : late.signal);
  } finally {
    clearTimeout(timer);
  }
}
