import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Express } from 'express';
import { onlyRead } from './http.ts';
import type { OpenApiDocument } from './openapi.ts';
import { pageSecurity } from './page-security.ts';

/** The files of Swagger UI that the page needs; the package holds others that nobody has to reach. */
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] as const;
const ASSET_FOLDER = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const page = (title: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body>
<div id="swagger-ui"></div>
<noscript><p>This page needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</p></noscript>
</body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

/** Serves the document at `/openapi.json`, and at `/docs` for people; nothing is loaded from elsewhere. */
export function serveDocs(app: Express, document: OpenApiDocument): void {
  const json = JSON.stringify(document);
  const html = page(document.info.title);
  // Swagger UI sets styles on elements, and its icons are data URLs in its style sheet.
  const security = pageSecurity({
    script: ["'self'"],
    style: ["'self'", "'unsafe-inline'"],
    img: ["'self'", 'data:'],
    connect: ["'self'"],
  });

  app.get('/openapi.json', (_request, response) => {
    response.set({ 'Access-Control-Allow-Origin': '*', 'X-Content-Type-Options': 'nosniff' });
    response.type('application/json').send(json);
  });
  app.get('/docs', security, (_request, response) => {
    response.set('Cache-Control', 'no-cache').type('text/html').send(html);
  });
  app.get('/docs/:asset', security, (request, response, next) => {
    const asset = String(request.params.asset);
    if (asset === 'start.js') {
      response.set('Cache-Control', 'no-cache').type('text/javascript').send(START);
      return;
    }
    if (!ASSETS.some((name) => name === asset)) return next();
    response.sendFile(join(ASSET_FOLDER, asset), { maxAge: '1h' });
  });
  onlyRead(app, ['/openapi.json', '/docs', ...[...ASSETS, 'start.js'].map((name) => `/docs/${name}`)]);
}
