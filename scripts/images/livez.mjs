// The images' health check: exit code 0 if the process in the container answers /livez within two seconds.
// No shell and no curl are there to ask.
const url = `http://127.0.0.1:${process.env.PORT}/livez`;
const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
process.exit(response?.ok ? 0 : 1);
