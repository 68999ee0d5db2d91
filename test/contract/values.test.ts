import { isDeepStrictEqual } from 'node:util'
import {
  decideSpawn,
  grantedWith,
  ownBudget,
  SHIPPED_AGENTS,
  transition,
  type AgentDefinition,
  type Budget,
  type Submitted,
  type TaskSpec,
} from '@agentfleet/domain'
import {
  agentVersionSchema,
  approveSchema,
  dispatchSchema,
  freshPointer,
  handoverSchema,
  outcomeSchema,
  parseEvent,
  pointerSchema,
  reportSchema,
  scheduleSchema,
  specSchema,
  storedKeySchema,
  type FilledTaskRequest,
  type GoalRequest,
  type KeyRequest,
} from '@agentfleet/protocol'
import { invalidValues, requestValues, validValues, type ValueSchema } from '@agentfleet/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { goalSpecOf } from '../../services/gateway/src/goals/goals.ts'
import { loadDocument } from '../../services/gateway/src/http/openapi/document.ts'
import { requestValidator } from '../../services/gateway/src/http/validation.ts'
import { specOf } from '../../services/gateway/src/tasks/spec.ts'

/**
 * One rule for values: a value that openapi.yaml accepts reaches a node and the log through every schema on
 * its way, and both the gateway and the schemas of the bus refuse a value beyond a limit.
 */

const document = loadDocument()
const { schemas } = document['components'] as { schemas: Record<string, ValueSchema> }
const values = requestValues(schemas, Object.keys(SHIPPED_AGENTS), Date.now())
const SEED = 20_260_101
/** Most bytes of a body that the gateway reads. */
const BODY_MAX_BYTES = 1024 * 1024
const MODEL = 'gpt-4o-mini'
const MEANS = {
  defaultModel: MODEL,
  clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
}

const DEFAULTS = {
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  maxAttempts: 3,
  placement: 'auto',
} as const
/** They become other fields of a spec, or none. */
const NOT_IN_SPEC = new Set([
  'agentVersion',
  'agentDefinition',
  'notBefore',
  'idempotencyKey',
  'context',
])
/** Schemas of the bus ignore unknown fields, so that two releases can talk; a set may contain a value twice. */
const LEFT_TO_THE_GATEWAY = new Set(['unknown-field', 'duplicate'])
/**
 * Derived values may be less than a client may ask for: a child lives for the rest of its parent's time and
 * shares its budget. Ids are those of stored tasks, of any length.
 */
const SMALLER_BY_SHARING = new Set([
  'timeoutMs below',
  'budget/tokens below',
  'budget/turns below',
  'budget/usd below',
  'dependsOn/0 too-long',
  'dependsOn/0 too-short',
  'dependsOn/0 pattern',
])

/** The gateway's own check of a body; fills defaults in. */
function validatorOf(name: string): (body: unknown) => boolean {
  const schema = { $ref: `#/components/schemas/${name}`, components: { schemas } }
  return requestValidator()({ schema, httpPart: 'body', method: 'POST', url: '/' }) as (
    body: unknown,
  ) => boolean
}

const isTask = validatorOf('TaskRequest')
const isGoal = validatorOf('GoalRequest')
const isDefinition = validatorOf('AgentDefinition')

/** The spec as each schema on its way reads it; throws when one of them refuses it. */
function carried(asked: TaskSpec, request: unknown): TaskSpec[] {
  const atMs = Date.now()
  const taskId = '00000000-0000-7000-8000-000000000000'
  const event: Submitted = { type: 'submitted', atMs, tenant: 'default', spec: asked, specHash: '' }
  const stored = parseEvent(JSON.stringify(event)) as Submitted
  const folded = transition(taskId, undefined, stored, 1)
  if (folded.kind !== 'applied') throw new Error('a history begins with a submission')
  // It has been JSON once, and no schema changes it, so it is not serialised again for each.
  const { spec } = stored
  // A large spec is sent without its pointer; here it is put in, as it has to fit in every pointer.
  const pointer = { ...freshPointer(folded.record), spec }
  const fresh = handoverSchema.parse({ items: [{ priority: spec.priority, pointer }] })
  const base = { taskId, claim: 'c', reportId: 'r' }
  const dispatched = dispatchSchema.parse({
    balancer: 'lb',
    items: [
      { taskId, tenant: 'default', seq: 1, deadlineAtMs: atMs, fenced: false, claim: 'c', spec },
    ],
  })
  const report = reportSchema.parse({
    nodeId: 'n1',
    items: [{ op: 'spawn', ...base, expect: 1, attempt: 1, step: 0, children: [spec] }],
  })
  const begun = outcomeSchema.parse({
    kind: 'begun',
    seq: 1,
    attempt: 1,
    spec,
    calls: [],
    deadlineAtMs: atMs,
  })
  const overlap = 'allow'
  const ticks = { cron: '@daily', timeZone: 'UTC', overlap, paused: false, request, atMs }
  const schedule = scheduleSchema.parse({ ...ticks, spec })
  const [spawn] = report.items
  return [
    spec,
    pointerSchema.parse(pointer).spec,
    fresh.items[0]?.pointer.spec,
    dispatched.items[0]?.spec,
    spawn?.op === 'spawn' ? spawn.children[0] : undefined,
    begun.kind === 'begun' ? begun.spec : undefined,
    schedule.spec,
  ].filter((each) => each !== undefined)
}

function expectCarried(spec: TaskSpec, request: unknown): void {
  const asStored = JSON.parse(JSON.stringify(spec)) as TaskSpec
  const read = carried(spec, request)
  expect(read).toHaveLength(7)
  for (const each of read) {
    if (!isDeepStrictEqual(each, asStored)) expect(each).toEqual(asStored)
  }
}

function fitsIntoBody(body: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(body)) <= BODY_MAX_BYTES
}

describe('a value that openapi.yaml accepts', () => {
  test('passes the schemas of the gateway, the log and the bus, for 4,000 tasks with each field at its bounds or between them', () => {
    const definitions = fc.option(values.of('AgentDefinition'), { nil: undefined })
    fc.assert(
      fc.property(values.of('TaskRequest'), definitions, (body, definition) => {
        fc.pre(fitsIntoBody(body))
        const request = structuredClone(body) as FilledTaskRequest
        expect(isTask(request)).toBe(true)
        const own = (request.agentDefinition ?? definition) as AgentDefinition | undefined
        const ref = request.agentDefinition === undefined && { name: 'writer', version: 1 }
        const found = own && { definition: own, ...(ref === false ? {} : { ref }) }
        expectCarried(specOf(request, MEANS, found), request)
      }),
      { numRuns: 4_000, seed: SEED },
    )
  }, 120_000)

  test('passes the schemas of the gateway, the log and the bus, for 1,000 goals with agent definitions of the tenant', () => {
    fc.assert(
      fc.property(values.of('GoalRequest'), values.of('AgentDefinition'), (body, definition) => {
        fc.pre(fitsIntoBody(body))
        const request = structuredClone(body) as GoalRequest
        expect(isGoal(request)).toBe(true)
        const team = {
          names: () => Object.keys(SHIPPED_AGENTS),
          own: (_tenant: string, name: string) =>
            name === 'developer' ? (definition as AgentDefinition) : undefined,
        }
        expectCarried(goalSpecOf(request, team, 'default', MODEL), request)
      }),
      { numRuns: 1_000, seed: SEED },
    )
  }, 120_000)

  test('leaves a budget that nodes can read, for 500 budgets of which children got their parts', () => {
    const ids = { taskId: '00000000-0000-7000-8000-000000000000', tenant: 'default' }
    const small = fc.record({ tokens: fc.integer({ min: 1, max: 3 }), turns: fc.constant(1) })
    const budgets = fc.oneof(small, values.of('Budget')) as fc.Arbitrary<Budget>
    fc.assert(
      fc.property(budgets, fc.integer({ min: 1, max: 5 }), (budget, children) => {
        const spec = specOf({ ...DEFAULTS, task: 'plan', budget }, MEANS)
        const event: Submitted = {
          type: 'submitted',
          atMs: 0,
          tenant: ids.tenant,
          spec,
          specHash: '',
        }
        const folded = transition(ids.taskId, undefined, event, 1)
        if (folded.kind !== 'applied') throw new Error('a history begins with a submission')
        const { record } = folded
        const asked = Array.from({ length: children }, () => spec)
        const spawn = decideSpawn(record, 0, asked, String, 0)
        if (spawn.kind !== 'spawn') throw new Error(spawn.kind)
        const granted = grantedWith(
          record,
          spawn.specs.map((child) => ({ spec: child })),
        )
        const left = { ...spec, budget: ownBudget({ spec, ...(granted && { granted }) }) }
        for (const each of [...spawn.specs, left]) {
          expect(specSchema.safeParse(JSON.parse(JSON.stringify(each))).error).toBe(undefined)
        }
      }),
      { numRuns: 500, seed: SEED },
    )
  })

  test('reaches a coordinator unchanged, for 500 approvals or rejections of steps with notes of any characters', () => {
    fc.assert(
      fc.property(values.of('ApprovalRequest'), (body) => {
        const ids = { taskId: '00000000-0000-7000-8000-000000000000', tenant: 'default' }
        const word = { ...ids, approval: { ...body, step: 1_000_000, by: 'default' } }
        expect(approveSchema.parse(word)).toEqual(word)
      }),
      { numRuns: 500, seed: SEED },
    )
  })

  test('can be stored and read, for 200 requests for keys', () => {
    const isKey = validatorOf('KeyRequest')
    fc.assert(
      fc.property(values.of('KeyRequest'), (body) => {
        expect(isKey(structuredClone(body))).toBe(true)
        const { expiresAt, ...asked } = body as KeyRequest
        const expiresAtMs = expiresAt === undefined ? {} : { expiresAtMs: Date.parse(expiresAt) }
        const key = { ...asked, ...expiresAtMs, createdAtMs: 1, createdBy: 'k', secrets: [] }
        expect(storedKeySchema.parse(JSON.parse(JSON.stringify(key)))).toEqual(key)
      }),
      { numRuns: 200, seed: SEED },
    )
  })

  test('can be stored and read, for 500 definitions of agents', () => {
    fc.assert(
      fc.property(values.of('AgentDefinition'), (body) => {
        expect(isDefinition(structuredClone(body))).toBe(true)
        const version = { version: 1, atMs: 1, definition: body }
        const read = agentVersionSchema.parse(JSON.parse(JSON.stringify(version)))
        expect(read).toEqual(version)
      }),
      { numRuns: 500, seed: SEED },
    )
  }, 60_000)
})

/** A body with every field. */
function complete(name: string): Readonly<Record<string, unknown>> {
  const fields = Object.entries(schemas[name]?.properties ?? {})
  const filled = fields.map(([field, schema]) => [
    field,
    fc.sample(validValues(schema, values.source, field), { numRuns: 1, seed: SEED })[0],
  ])
  return Object.fromEntries(filled) as Readonly<Record<string, unknown>>
}

describe('a value that openapi.yaml refuses', () => {
  test.each([
    'TaskRequest',
    'GoalRequest',
    'AgentDefinition',
    'ScheduleRequest',
    'BatchRequest',
    'KeyRequest',
  ])('is refused by the gateway when a value of %s is beyond a limit', (name) => {
    const isValid = validatorOf(name)
    const wrong = invalidValues({ $ref: `#/${name}` }, values.source, complete(name))
    expect(wrong.length).toBeGreaterThan(10)
    const accepted = wrong.filter(({ value }) => isValid(structuredClone(value)))
    expect(accepted.map(({ at, breaks }) => `${at} ${breaks}`)).toEqual([])
  })

  const spec = specOf({ ...DEFAULTS, task: 'write' }, MEANS)
  /** Fields that a spec has exactly as the client sent them. */
  const fields = Object.entries(schemas['TaskRequest']?.properties ?? {}).filter(
    ([name]) => !NOT_IN_SPEC.has(name),
  )

  test.each(fields)(
    'is refused by the schema of stored specs when it is an invalid value of the field %s',
    (name, schema) => {
      const wrong = invalidValues(schema, values.source, complete('TaskRequest')[name]).filter(
        ({ breaks, at }) =>
          !LEFT_TO_THE_GATEWAY.has(breaks) && !SMALLER_BY_SHARING.has(`${name}${at} ${breaks}`),
      )
      const accepted = wrong.filter(
        ({ value }) => specSchema.safeParse({ ...spec, [name]: value }).success,
      )
      expect(accepted.map(({ at, breaks }) => `${at} ${breaks}`)).toEqual([])
    },
  )

  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

  test.each([
    ['context', nested(65)],
    ['context', nested(4_000)],
    ['context', 'x'.repeat(1_048_575)],
    ['responseSchema', { const: nested(32) }],
    ['responseSchema', { description: 'x'.repeat(33_000) }],
    ['notBeforeMs', Date.parse('0001-01-01T00:00:00Z')],
    ['notBeforeMs', 8.64e15 + 1],
    ['goal', { hold: false, replansMax: 6, roles: [] }],
    ['goal', { hold: false, replansMax: 1, roles: Array.from({ length: 51 }, () => 'developer') }],
    ['definition', { name: 'No Name', version: 1 }],
    ['definition', { name: 'writer', version: -1 }],
  ] as const)(
    'is refused by the schema of stored specs when it is a value of %s that no request can contain',
    (name, value) => {
      expect(specSchema.safeParse(spec).success).toBe(true)
      expect(specSchema.safeParse({ ...spec, [name]: value }).success).toBe(false)
    },
  )
})
