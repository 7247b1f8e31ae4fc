// What `helm test` runs: asks each stage, and says what it finds. Exit code 1 if one is not as it should be.
const { ELECTION_ID, STAGES } = process.env;
const DEADLINE = Date.now() + 60_000;

/** The answer's JSON, tried again until the deadline. */
async function ask(url, isRight) {
  for (;;) {
    let found;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(4_000) });
      const body = await response.json();
      if (response.ok && isRight(body)) return body;
      found = `${response.status} ${JSON.stringify(body)}`;
    } catch (error) {
      found = error.cause?.code ?? error.message;
    }
    if (Date.now() > DEADLINE) throw new Error(`${url}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

try {
  const stages = Object.fromEntries(
    STAGES.trim()
      .split(/\s+/)
      .map((entry) => entry.split('=')),
  );
  for (const [stage, url] of Object.entries(stages)) {
    const { version } = await ask(
      `${url}/health`,
      (health) => health.status === 'healthy' && health.election_id === ELECTION_ID,
    );
    console.log(`ok  ${stage} ${version} is healthy and serves ${ELECTION_ID}`);
  }
  await ask(`${stages.ingestion}/openapi.json`, (api) => api.paths?.['/api/v1/vote'] !== undefined);
  console.log('ok  ingestion tells how to vote');
  // Counts may be under embargo; turnout is always open.
  await ask(`${stages.results}/api/v1/turnout`, (turnout) => typeof turnout === 'object');
  console.log('ok  results tells the turnout');
} catch (error) {
  console.error(`failed  ${error.message}`);
  console.error('kubectl describe election and the stage’s log tell more');
  process.exitCode = 1;
}
