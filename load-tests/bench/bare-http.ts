/** Nothing but an answer: what HTTP alone can do here. */
import { createServer } from 'node:http';

createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': 2 });
    response.end('{}');
  });
}).listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write('ready\n'));
process.on('SIGTERM', () => process.exit(0));
