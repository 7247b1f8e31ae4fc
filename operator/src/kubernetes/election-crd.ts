import { ELECTION_ID_PATTERN } from '@scrutin/shared/election.ts';
import { electionSpecSchema, electionStatusSchema, type Phase } from '../election-resource.ts';
import { ELECTORATE_SOURCE_KINDS } from '../electorate-source-schema.ts';
import { BEGUN } from '../reconcile/phase.ts';
import { GROUP, KIND, PLURAL, VERSION } from './election-names.ts';
import { type CelRule, type StructuralSchema, structuralSchema } from './structural-schema.ts';

/**
 * What the API server refuses at once, in CEL. It knows neither the clock nor what is published; what needs those is
 * checked by the reconciler again.
 */
const RULES = {
  name: {
    rule: `self.metadata.name.matches('${ELECTION_ID_PATTERN.source}')`,
    message:
      'metadata.name must be 1 to 40 lower-case letters, digits and "-": it names a database and a virtual host',
  },
  closesAfterOpening: {
    rule: 'self.closesAt > self.opensAt',
    message: 'must be after opensAt',
    fieldPath: '.closesAt',
    reason: 'FieldValueInvalid',
  },
  oneSource: {
    rule: `[${ELECTORATE_SOURCE_KINDS.map((kind) => `has(self.${kind})`).join(', ')}].filter(given, given).size() == 1`,
    message: `must have exactly one of ${ELECTORATE_SOURCE_KINDS.join(', ')}`,
  },
  insideTheVolume: {
    rule: "!self.split('/').exists(part, part == '..')",
    message: 'must not lead out of the volume',
  },
  webAddress: {
    rule: "isURL(self) && url(self).getScheme() in ['http', 'https']",
    message: 'must be an http or https address',
  },
  fixedOnceOpen: (field: string): CelRule => ({
    rule: `${notYet(BEGUN)} || self.spec.${field} == oldSelf.spec.${field}`,
    message: `${field} can’t change after the election has opened`,
    fieldPath: `.spec.${field}`,
    reason: 'FieldValueForbidden',
  }),
  fixedOnceClosed: (field: string): CelRule => ({
    rule: `${notYet(['Draining', 'Closed'])} || self.spec.${field} == oldSelf.spec.${field}`,
    message: `${field} can’t change after the election has closed`,
    fieldPath: `.spec.${field}`,
    reason: 'FieldValueForbidden',
  }),
} as const;

function notYet(phases: readonly Phase[]): string {
  const list = `[${phases.map((phase) => `'${phase}'`).join(', ')}]`;
  return `!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in ${list})`;
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
    description:
      'A referendum on one or more laws: who may vote, on what, and when. Each eligible person counts once per law. The operator prepares Redis, RabbitMQ and PostgreSQL for it, opens and closes it on time, and writes the result to its status.',
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
  spec['x-kubernetes-validations'] = [RULES.closesAfterOpening];
  const { laws, electorate } = spec.properties!;
  keyedBy(laws!, 'id');
  const { source } = electorate!.properties!;
  source!['x-kubernetes-validations'] = [RULES.oneSource];
  const { persistentVolumeClaim, http, s3 } = source!.properties!;
  persistentVolumeClaim!.properties!.path!['x-kubernetes-validations'] = [RULES.insideTheVolume];
  http!.properties!.url!['x-kubernetes-validations'] = [RULES.webAddress];
  s3!.properties!.endpoint!['x-kubernetes-validations'] = [RULES.webAddress];
  return spec;
}

function statusSchema(): StructuralSchema {
  const status = structuralSchema(electionStatusSchema.partial(), 'output');
  status.description = electionStatusSchema.description!;
  keyedBy(status.properties!.conditions!, 'type');
  keyedBy(status.properties!.results!, 'lawId');
  return status;
}

/** Two entries with one key are refused, and who applies one of them leaves the others alone. */
function keyedBy(list: StructuralSchema, key: string): void {
  Object.assign(list, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}
