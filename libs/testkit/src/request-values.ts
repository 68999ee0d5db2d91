import fc from 'fast-check'
import { validValues, type ValueSchema, type ValueSource } from './schema-values.ts'

/**
 * Valid requests of openapi.yaml. They also obey the rules that the document states in words: times within
 * their range, JSON within its depth, schemas that are schemas.
 */
export interface RequestValues {
  readonly source: ValueSource
  /** Valid bodies of this named schema. */
  of(name: string): fc.Arbitrary<Readonly<Record<string, unknown>>>
}

const HOUR_MS = 3_600_000
/** Bounds of `notBefore` around the present, with an hour to spare for the duration of a test. */
const PAST_MS = 23 * HOUR_MS
const AHEAD_MS = (7 * 24 - 1) * HOUR_MS
const CONTEXT_LEVELS = 64
const SCHEMA_LEVELS = 32
const SCHEMA_BYTES = 32 * 1024

/**
 * Requests by these schemas of the document; `roles` are existing agents, `more` are values of other fields
 * and schemas by their names.
 */
export function requestValues(
  schemas: Readonly<Record<string, ValueSchema>>,
  roles: readonly string[],
  nowMs: number,
  more: ValueSource['special'] = {},
): RequestValues {
  const offsets = fc.oneof(
    fc.constantFrom(-PAST_MS, 0, AHEAD_MS),
    fc.integer({ min: -PAST_MS, max: AHEAD_MS }),
  )
  const special = {
    context: contexts(),
    ResponseSchema: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...RESPONSE_SCHEMAS) },
      { weight: 1, arbitrary: fc.constant(LARGEST_SCHEMA) },
    ),
    notBefore: offsets.map((offsetMs) => new Date(nowMs + offsetMs).toISOString()),
    roles: fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1, maxLength: 50 }),
    planner: fc.constantFrom(...roles),
    cron: fc.constantFrom('0 0 * * *', '*/5 * * * *', '* * * * * *', '0 12 29 2 *', '@daily'),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns'),
    ...more,
  }
  const task = validValues(named('TaskRequest'), { schemas, special }).map((made) =>
    withOneDefinition(made as Readonly<Record<string, unknown>>),
  )
  // The size of a request is bounded too, so a request has few tasks.
  const tasks = fc.array(task, { minLength: 1, maxLength: 5 })
  const within: ValueSource = { schemas, special: { ...special, TaskRequest: task, tasks } }
  const schedule = validValues(named('ScheduleRequest'), within).map((made) =>
    withFreeTicks(made as Readonly<Record<string, unknown>>),
  )
  const source = { ...within, special: { ...within.special, ScheduleRequest: schedule } }
  return {
    source,
    of: (name) =>
      validValues(named(name), source) as fc.Arbitrary<Readonly<Record<string, unknown>>>,
  }
}

function named(name: string): ValueSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** A task names a version of a stored definition or contains a definition, never both. */
function withOneDefinition(
  made: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (made['agentDefinition'] === undefined) return made
  const { agentVersion: _version, ...rest } = made
  return rest
}

/** Each tick is a separate task: it waits for no other one. */
function withFreeTicks(made: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const {
    dependsOn: _others,
    idempotencyKey: _key,
    ...task
  } = made['task'] as object & { readonly dependsOn?: unknown; readonly idempotencyKey?: unknown }
  return { ...made, task }
}

function contexts(): fc.Arbitrary<unknown> {
  const deepest = JSON.parse('['.repeat(CONTEXT_LEVELS) + ']'.repeat(CONTEXT_LEVELS)) as unknown
  return fc.oneof(
    { weight: 100, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
    { weight: 5, arbitrary: fc.constant(deepest) },
    { weight: 1, arbitrary: fc.constant('x'.repeat(200_000)) },
  )
}

const FIELD = { type: 'string', pattern: '^[a-z]+$', maxLength: 20 }
const RESPONSE_SCHEMAS: readonly object[] = [
  {},
  { type: 'object', properties: { name: FIELD }, required: ['name'], additionalProperties: false },
  { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'array', items: FIELD },
  // The form that the helpers of the OpenAI SDKs send.
  {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: { steps: { type: 'array', items: { $ref: '#/definitions/step' } } },
    definitions: { step: { type: 'object', properties: { text: { type: 'string' } } } },
  },
  { $ref: '#/$defs/tree', $defs: { tree: { type: 'array', items: { $ref: '#/$defs/tree' } } } },
  JSON.parse('{"not":'.repeat(SCHEMA_LEVELS - 1) + '{}' + '}'.repeat(SCHEMA_LEVELS - 1)) as object,
]
const LARGEST_SCHEMA = { description: 'x'.repeat(SCHEMA_BYTES - '{"description":""}'.length) }
