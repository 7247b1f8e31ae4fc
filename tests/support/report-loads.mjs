// Given to Node with --import: tells on standard error of each module of OpenTelemetry that a process asks for.
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.includes('@opentelemetry/')) process.stderr.write(`asked for ${specifier}\n`);
    return next(specifier, context);
  },
});
