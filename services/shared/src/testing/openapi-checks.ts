import type { Express, Router } from 'express';
import type { OpenApiDocument } from '../openapi.ts';

interface Layer {
  route?: { path: string | string[]; methods: Record<string, boolean> };
  handle: Partial<Router>;
}

/** What an application serves, `get /path/{parameter}` each, sorted. Without `all` and fall-back handlers. */
export function servedOperations(app: Express): string[] {
  const operations = new Set<string>();
  const visit = (layers: Layer[]) => {
    for (const { route, handle } of layers) {
      if (!route) {
        if (handle.stack) visit(handle.stack as unknown as Layer[]);
        continue;
      }
      for (const path of [route.path].flat())
        for (const method of Object.keys(route.methods))
          if (method !== '_all') operations.add(`${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    }
  };
  visit(app.router.stack as unknown as Layer[]);
  return [...operations].sort();
}

/** What a document promises, in the form of {@link servedOperations}. */
export const documentedOperations = (document: OpenApiDocument): string[] =>
  Object.entries(document.paths)
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`))
    .sort();

/** What is wrong with a document's structure (OpenAPI 3.1.1, sections 4.8 and 4.9); empty if nothing is. */
export function structuralFaults(document: OpenApiDocument): string[] {
  const faults: string[] = [];
  const operationIds = new Set<string>();
  const tags = new Set(document.tags.map((tag) => tag.name));
  for (const [path, item] of Object.entries(document.paths)) {
    if (!path.startsWith('/')) faults.push(`${path} does not start with a slash`);
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
    for (const [method, operation] of Object.entries(item)) {
      const at = `${method} ${path}`;
      if (operationIds.has(operation.operationId)) faults.push(`${at}: operationId is used twice`);
      operationIds.add(operation.operationId);
      for (const tag of operation.tags) if (!tags.has(tag)) faults.push(`${at}: tag ${tag} is not declared`);
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      if (inPath.some((parameter) => parameter.required !== true))
        faults.push(`${at}: a path parameter is not required`);
      if (
        inPath
          .map((parameter) => parameter.name)
          .sort()
          .join() !== placeholders.sort().join()
      )
        faults.push(`${at}: path parameters differ from the path's`);
      const statuses = Object.keys(operation.responses);
      if (!statuses.some((status) => /^[23]\d\d$/.test(status))) faults.push(`${at}: no success response`);
      for (const [status, response] of Object.entries(operation.responses)) {
        if (!/^[1-5]\d\d$/.test(status)) faults.push(`${at}: ${status} is not a status`);
        if (!response.description) faults.push(`${at} ${status}: no description`);
        for (const [type, media] of Object.entries(response.content ?? {}))
          if (media.example !== undefined && media.examples !== undefined)
            faults.push(`${at} ${status} ${type}: example and examples exclude each other`);
      }
    }
  }
  for (const reference of references(document)) {
    const name = reference.replace(/^#\/components\/schemas\//, '');
    if (!Object.hasOwn(document.components.schemas, name))
      faults.push(`${reference} leads nowhere in the document`);
  }
  return faults;
}

function references(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : references(value),
  );
}

/** Every example of a JSON media type with the component schema it must fit. */
export function examples(document: OpenApiDocument): { at: string; schema: string; value: unknown }[] {
  const found: { at: string; schema: string; value: unknown }[] = [];
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(item)) {
      const bodies = [
        ['request', operation.requestBody] as const,
        ...Object.entries(operation.responses).map(([status, response]) => [status, response] as const),
      ];
      for (const [status, body] of bodies)
        for (const media of Object.values(body?.content ?? {})) {
          const { $ref } = media.schema;
          if (typeof $ref !== 'string') continue;
          const values = media.examples
            ? Object.values(media.examples).map((example) => example.value)
            : [media.example];
          for (const value of values)
            found.push({
              at: `${method} ${path} ${status}`,
              schema: $ref.slice('#/components/schemas/'.length),
              value,
            });
        }
    }
  return found;
}
