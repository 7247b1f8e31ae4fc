import type { V1CustomResourceDefinition, V1JSONSchemaProps } from '@kubernetes/client-node';
import { ELECTION_ID_PATTERN } from '@scrutin/shared/election.ts';
import { z } from 'zod';
import { API_VERSION, electionSpecSchema, electionStatusSchema, KIND } from '../election-resource.ts';
import { ELECTORATE_SOURCE_KINDS } from '../electorate-source-schema.ts';
import { structuralSchema } from './structural-schema.ts';

const [GROUP, VERSION] = API_VERSION.split('/') as [string, string];
export const PLURAL = 'elections';
export const CRD_NAME = `${PLURAL}.${GROUP}`;

/** A rule in CEL, as a CustomResourceDefinition holds it. */
interface Rule {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
}

/** Phases in which people have voted, or may be voting. */
const VOTING_HAS_BEGUN = "['Open', 'Draining', 'Closed']";

/** A rule about a change: it holds if `rule` does, or if the Election was not yet in one of the phases. */
const unlessIn = (phases: string, rule: string): string =>
  `!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in ${phases}) || ${rule}`;

/** About the whole Election. A change of spec leaves the status as it was, so that the old phase is known here. */
const ELECTION_RULES: Rule[] = [
  {
    rule: `self.metadata.name.matches('${ELECTION_ID_PATTERN.source}')`,
    message: 'metadata.name must be 1 to 40 lower-case letters, digits and "-"',
  },
  {
    rule: unlessIn(VOTING_HAS_BEGUN, 'self.spec.laws == oldSelf.spec.laws'),
    message: 'laws can’t change once voting has begun',
    fieldPath: '.spec.laws',
    reason: 'FieldValueForbidden',
  },
  {
    rule: unlessIn(VOTING_HAS_BEGUN, 'self.spec.electorate == oldSelf.spec.electorate'),
    message: 'the electorate can’t change once voting has begun',
    fieldPath: '.spec.electorate',
    reason: 'FieldValueForbidden',
  },
  {
    rule: unlessIn("['Closed']", 'self.spec.closesAt == oldSelf.spec.closesAt'),
    message: 'closesAt can’t change once the election is closed',
    fieldPath: '.spec.closesAt',
    reason: 'FieldValueForbidden',
  },
];

const SPEC_RULES: Rule[] = [
  {
    rule: 'self.closesAt > self.opensAt',
    message: 'closesAt must be after opensAt',
    fieldPath: '.closesAt',
    reason: 'FieldValueInvalid',
  },
];

const SOURCE_RULES: Rule[] = [
  {
    rule: `[${ELECTORATE_SOURCE_KINDS.map((kind) => `has(self.${kind})`).join(', ')}].exists_one(given, given)`,
    message: `must have exactly one of ${ELECTORATE_SOURCE_KINDS.join(', ')}`,
  },
];

const WEB_ADDRESS_RULES: Rule[] = [
  {
    rule: "isURL(self) && url(self).getScheme() in ['http', 'https']",
    message: 'must be an http or https address',
  },
];

const VOLUME_PATH_RULES: Rule[] = [
  { rule: "!self.matches('(^|/)[.][.](/|$)')", message: 'must not lead out of the volume' },
];

/** What `kubectl get elections` shows. Moments as text: kubectl shows a date that is to come as <invalid>. */
const COLUMNS = [
  { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the election stands.' },
  {
    name: 'Eligible',
    type: 'integer',
    jsonPath: '.status.electorate.unique',
    description: 'People who may vote.',
  },
  { name: 'Votes', type: 'integer', jsonPath: '.status.votes', description: 'Votes counted, over all laws.' },
  { name: 'Turnout', type: 'string', jsonPath: '.status.turnout', description: 'Votes of those possible.' },
  { name: 'Opens', type: 'string', jsonPath: '.spec.opensAt', description: 'From then on votes are taken.' },
  { name: 'Closes', type: 'string', jsonPath: '.spec.closesAt', description: 'Up to then votes are taken.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
    description: 'What is so, and what to do.',
    priority: 1,
  },
];

function specSchema(): V1JSONSchemaProps {
  const schema = structuralSchema(z.toJSONSchema(electionSpecSchema, { io: 'input', target: 'openapi-3.0' }));
  const { laws, electorate } = schema.properties!;
  const { source } = electorate!.properties!;
  const { http, s3, persistentVolumeClaim } = source!.properties!;
  obey(schema, SPEC_RULES);
  keyedBy(laws!, 'id');
  obey(source!, SOURCE_RULES);
  obey(http!.properties!.url!, WEB_ADDRESS_RULES);
  obey(s3!.properties!.endpoint!, WEB_ADDRESS_RULES);
  obey(persistentVolumeClaim!.properties!.path!, VOLUME_PATH_RULES);
  return schema;
}

function statusSchema(): V1JSONSchemaProps {
  const schema = structuralSchema(
    z.toJSONSchema(electionStatusSchema, { io: 'input', target: 'openapi-3.0' }),
  );
  keyedBy(schema.properties!.conditions!, 'type');
  keyedBy(schema.properties!.results!, 'lawId');
  return schema;
}

function obey(schema: V1JSONSchemaProps, rules: Rule[]): void {
  schema['x-kubernetes-validations'] = rules;
}

/** The API server refuses a second entry with the same key, and server-side apply knows the entries by it. */
function keyedBy(list: V1JSONSchemaProps, key: string): void {
  list['x-kubernetes-list-type'] = 'map';
  list['x-kubernetes-list-map-keys'] = [key];
}

/** The Election's CustomResourceDefinition, from the very schemas that the types are made of. */
export function electionCrd(): V1CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: CRD_NAME },
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
          additionalPrinterColumns: COLUMNS,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description:
                'A referendum on one or more laws: who may vote, on what, and when. The operator prepares Redis, RabbitMQ and PostgreSQL for it, opens and closes it on time, and writes the certified result to its status.',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: specSchema(),
                status: statusSchema(),
              },
              'x-kubernetes-validations': ELECTION_RULES,
            },
          },
        },
      ],
    },
  };
}
