import { LAW_ID_PATTERN } from '@scrutin/shared/law-id.ts';
import { electionSpecSchema, electionStatusSchema } from '../election-resource.ts';
import { ELECTORATE_SOURCE_KINDS } from '../electorate-source-schema.ts';
import { GROUP, KIND, PLURAL, VERSION } from './election-names.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** Phases in which votes may have been cast. */
const BEGUN = "['Open', 'Draining', 'Closed']";

/**
 * What the API server refuses at once, in CEL. It knows neither the clock nor what is published; what needs those is
 * checked by the reconciler again.
 */
const RULES = {
  name: {
    rule: "self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$')",
    message:
      'metadata.name must be 1 to 40 lower-case letters, digits and "-": it names a database and a virtual host',
  },
  closesAfterOpening: {
    rule: 'self.closesAt > self.opensAt',
    message: 'must be after opensAt',
    fieldPath: '.closesAt',
  },
  oneSource: {
    rule: `[${ELECTORATE_SOURCE_KINDS.map((kind) => `has(self.${kind})`).join(', ')}].filter(given, given).size() == 1`,
    message: `must have exactly one of ${ELECTORATE_SOURCE_KINDS.join(', ')}`,
  },
  insideTheVolume: {
    rule: "!self.path.split('/').exists(part, part == '..')",
    message: 'must not lead out of the volume',
    fieldPath: '.path',
  },
  httpOnly: {
    rule: "self.url.startsWith('https://') || self.url.startsWith('http://')",
    message: 'must be an http or https address',
    fieldPath: '.url',
  },
  fixedOnceOpen: (field: string, fieldPath = `.spec.${field}`) => ({
    rule: `${notYet(BEGUN)} || self.spec.${field} == oldSelf.spec.${field}`,
    message: `spec.${field} can’t change after the election has opened`,
    fieldPath,
  }),
  fixedOnceClosed: (field: string) => ({
    rule: `${notYet("['Draining', 'Closed']")} || self.spec.${field} == oldSelf.spec.${field}`,
    message: `spec.${field} can’t change after the election has closed`,
    fieldPath: `.spec.${field}`,
  }),
} as const;

function notYet(phases: string): string {
  return `!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in ${phases})`;
}

/** The Election as a CustomResourceDefinition: the same schemas as the types, so that neither says what the other doesn't. */
export function electionCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: 'election',
        shortNames: ['el'],
        categories: ['all'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: PRINTER_COLUMNS,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

const column = (name: string, type: string, jsonPath: string, description: string, priority = 0) => ({
  name,
  type,
  jsonPath,
  description,
  ...(priority > 0 && { priority }),
});

const PRINTER_COLUMNS = [
  column('Phase', 'string', '.status.phase', 'Where the election stands'),
  column('Eligible', 'integer', '.status.electorate.unique', 'Distinct voters'),
  column('Votes', 'integer', '.status.votes', 'Votes counted, over all laws'),
  column('Turnout', 'string', '.status.turnout', 'Votes per eligible voter and law'),
  // As text: a date is shown as an age, and one that is yet to come has none.
  column('Opens', 'string', '.spec.opensAt', 'From when on votes are taken'),
  column('Closes', 'string', '.spec.closesAt', 'From when on votes are refused'),
  column('Age', 'date', '.metadata.creationTimestamp', 'Time since it was made'),
  column(
    'Message',
    'string',
    '.status.conditions[?(@.type=="Ready")].message',
    'What is so, and what to do',
    1,
  ),
];

function rootSchema(): StructuralSchema {
  return {
    description: 'A referendum on one or more laws: each eligible person counts once per law.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'Version of this schema.' },
      kind: { type: 'string', description: 'Election.' },
      metadata: { type: 'object' },
      spec: specSchema(),
      status: statusSchema(),
    },
    'x-kubernetes-validations': [
      RULES.name,
      RULES.fixedOnceOpen('laws'),
      RULES.fixedOnceOpen('electorate'),
      RULES.fixedOnceOpen('opensAt'),
      RULES.fixedOnceClosed('closesAt'),
    ],
  };
}

function specSchema(): StructuralSchema {
  const spec = structuralSchema(electionSpecSchema, 'input');
  spec.description = 'The election as it is wanted.';
  spec['x-kubernetes-validations'] = [RULES.closesAfterOpening];
  const { laws, electorate } = spec.properties!;
  // A map by id: two laws of one id are refused, and who applies one law leaves the others alone.
  Object.assign(laws!, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'] });
  // The pattern says it too; the limit is what the cost of a rule is estimated by.
  const { id } = laws!.items!.properties!;
  if (id!.pattern === LAW_ID_PATTERN.source) id!.maxLength = 40;
  const { source } = electorate!.properties!;
  source!['x-kubernetes-validations'] = [RULES.oneSource];
  const { persistentVolumeClaim, http } = source!.properties!;
  persistentVolumeClaim!['x-kubernetes-validations'] = [RULES.insideTheVolume];
  http!['x-kubernetes-validations'] = [RULES.httpOnly];
  return spec;
}

function statusSchema(): StructuralSchema {
  const status = structuralSchema(electionStatusSchema.partial(), 'output');
  status.description = 'What the operator found, last time it looked.';
  Object.assign(status.properties!.conditions!, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  });
  return status;
}
