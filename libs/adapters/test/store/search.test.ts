/** Lists and counts of tasks against a real Redis. */
import { TASK_STATES, type TaskFilter, type TaskRecord, type TaskState } from '@agentfleet/domain'
import { PLAIN_SPEC, recordOf, startTestServers, type TestServers } from '@agentfleet/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectStore, type Logger, type Store } from '../../src/index.ts'
import { countTasks } from '../../src/store/counts.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const RETENTION_MS = 60_000
const AGENTS = ['writer', 'code reviewer', 'planner'] as const
const CODES = ['timeout', 'llm-rejected'] as const
/** Tasks of the tenant, far more than one step of a search reads. */
const TASKS = 2_600
let servers: TestServers<'redis'>
let store: Store
let redis: Redis
const records: TaskRecord[] = []

beforeAll(async () => {
  servers = await startTestServers(['redis'])
  store = await connectStore({ url: servers.redis.url, log })
  redis = new Redis(servers.redis.url)
  for (let n = 0; n < TASKS; n += 1) records.push(numbered(n))
  await store.project(records, RETENTION_MS)
  const noted = records.filter(({ state }, n) => state === 'queued' && n % 2 === 0)
  await store.noteInflight(noted.map(({ taskId }) => ({ taskId, nodeId: 'n1', ackSubject: 'ack' })))
}, 60_000)
afterAll(async () => {
  await store.close()
  redis.disconnect()
  await servers[Symbol.asyncDispose]()
})

function numbered(n: number, tenant = 'acme'): TaskRecord {
  const state = TASK_STATES[n % TASK_STATES.length]!
  return recordOf(`t${String(n).padStart(5, '0')}`, {
    tenant,
    spec: {
      ...PLAIN_SPEC,
      task: `task number ${n}`,
      agent: AGENTS[n % AGENTS.length]!,
      metadata: { shard: String(n % 100) },
    },
    state,
    seq: n + 1,
    submittedSeq: n + 1,
    submittedAtMs: 1_000 + n,
    updatedAtMs: 2_000 + n,
    ...(state === 'failed' ? { error: { code: CODES[n % 2]!, message: 'no' } } : {}),
  })
}

/** The state that clients see. */
function shown({ state, taskId }: TaskRecord): TaskState {
  return state === 'queued' && Number(taskId.slice(1)) % 2 === 0 ? 'running' : state
}

async function allPages(filter: TaskFilter, order: 'newest' | 'oldest' = 'newest') {
  const ids: string[] = []
  let scanned = 0
  let pages = 0
  for (let cursor: string | undefined; ;) {
    const page = await store.search({
      tenant: 'acme',
      filter,
      order,
      limit: 70,
      ...(cursor === undefined ? {} : { cursor }),
    })
    ids.push(...page.found.map(({ task }) => task.taskId))
    scanned += page.scanned
    pages += 1
    cursor = page.cursor
    if (cursor === undefined) return { ids, scanned, pages }
  }
}

const matching = (fits: (record: TaskRecord, n: number) => boolean): string[] =>
  records.filter(fits).map(({ taskId }) => taskId)

test.each<[name: string, filter: TaskFilter, fits: (record: TaskRecord, n: number) => boolean]>([
  ['no filter', {}, () => true],
  ['two states', { states: ['failed', 'waiting'] }, ({ state }) => /failed|waiting/.test(state)],
  ['running', { states: ['running'] }, (record) => shown(record) === 'running'],
  ['queued', { states: ['queued'] }, (record) => shown(record) === 'queued'],
  ['an agent', { agent: 'code reviewer' }, ({ spec }) => spec.agent === 'code reviewer'],
  [
    'an agent and a state',
    { agent: 'writer', states: ['running'] },
    (record) => record.spec.agent === 'writer' && shown(record) === 'running',
  ],
  ['an error code', { errorCode: 'timeout' }, ({ error }) => error?.code === 'timeout'],
  [
    'an error code and an agent',
    { errorCode: 'timeout', agent: 'planner' },
    ({ error, spec }) => error?.code === 'timeout' && spec.agent === 'planner',
  ],
  ['metadata', { metadata: { shard: '7' } }, (_record, n) => n % 100 === 7],
  ['a node', { node: 'n1' }, ({ state }, n) => state === 'queued' && n % 2 === 0],
  [
    'times',
    { createdFromMs: 1_100, createdBeforeMs: 1_200, states: ['failed'] },
    ({ state }, n) => state === 'failed' && n >= 100 && n < 200,
  ],
  [
    'an end',
    { endedFromMs: 2_100, endedBeforeMs: 2_150 },
    ({ state }, n) => n >= 100 && n < 150 && /failed|completed|cancelled/.test(state),
  ],
])(
  'a list with %s shows each matching task once, both newest first and oldest first',
  async (_name, filter, fits) => {
    const wanted = matching(fits)
    const newest = await allPages(filter)
    expect(newest.ids).toEqual([...wanted].reverse())
    expect(newest.scanned).toBeGreaterThanOrEqual(wanted.length)
    expect((await allPages(filter, 'oldest')).ids).toEqual(wanted)
  },
)

test('a search that finds nothing ends each page after a limited number of tasks, and continues from its cursor', async () => {
  const { ids, scanned, pages } = await allPages({ model: 'none' })
  expect({ ids, scanned }).toEqual({ ids: [], scanned: TASKS })
  expect(pages).toBeGreaterThan(1)
})

test('counts by state, agent and error code are read from the indexes in Redis and are exact', async () => {
  const counted = async (groupBy: 'state' | 'agent' | 'errorCode' | 'node', filter: TaskFilter) => {
    const { groups, ...rest } = await store.count({ tenant: 'acme', filter, groupBy })
    return { groups: Object.fromEntries(groups.map(({ key, count }) => [key, count])), ...rest }
  }
  const byState = Object.fromEntries(
    TASK_STATES.map((state) => [state, matching((record) => shown(record) === state).length]),
  )
  expect(await counted('state', {})).toMatchObject({ groups: byState, exact: true })
  expect(await counted('state', { states: ['running'] })).toMatchObject({
    groups: { running: byState['running'] },
    exact: true,
  })
  const ofWriter = (state: TaskState) =>
    matching((record) => shown(record) === state && record.spec.agent === 'writer').length
  expect((await counted('state', { agent: 'writer' })).groups).toMatchObject({
    running: ofWriter('running'),
    failed: ofWriter('failed'),
  })
  expect((await counted('agent', { states: ['running'] })).groups['writer']).toBe(
    ofWriter('running'),
  )
  const codes = await counted('errorCode', {})
  const timeouts = matching(({ error }) => error?.code === 'timeout').length
  expect(codes).toMatchObject({ groups: { timeout: timeouts }, exact: true, scanned: 0 })
  // No listing by node exists: the count looks at the tasks.
  const noted = matching(({ state }, n) => state === 'queued' && n % 2 === 0).length
  const byNode = await counted('node', { states: ['running'] })
  expect(byNode).toMatchObject({ groups: { n1: noted }, exact: true })
  expect(byNode.scanned).toBeGreaterThan(noted)
})

test('a count that looks up only some queued tasks says how many are left, and all other counts are exact', async () => {
  const source = { redis, previews: () => Promise.resolve([]) }
  const query = { tenant: 'acme', filter: {}, groupBy: 'state' } as const
  const all = await countTasks(source, query)
  const queued = matching(({ state }) => state === 'queued').length
  const LOOKED = 10
  const some = await countTasks(source, query, LOOKED)
  expect(all).toMatchObject({ exact: true })
  expect(some).toMatchObject({ exact: false, scanned: LOOKED, unsplit: queued - LOOKED })
  const numbers = ({ groups }: typeof all) => new Map(groups.map(({ key, count }) => [key, count]))
  const sum = (counts: ReadonlyMap<string, number>) =>
    (counts.get('queued') ?? 0) + (counts.get('running') ?? 0)
  expect(sum(numbers(some))).toBe(sum(numbers(all)))
  for (const state of ['completed', 'failed', 'waiting']) {
    expect(numbers(some).get(state)).toBe(numbers(all).get(state))
  }
})

test('a count by agent looks up queued tasks only if it counts either queued or running tasks, and then few of all agents together', async () => {
  const source = { redis, previews: () => Promise.resolve([]) }
  const query = { tenant: 'acme', groupBy: 'agent' } as const
  const LOOKED = 10
  const all = await countTasks(source, { ...query, filter: {} }, LOOKED)
  expect(all).toMatchObject({ exact: true, scanned: 0 })
  expect(all.groups.reduce((sum, { count }) => sum + count, 0)).toBe(TASKS)
  const queued = matching(({ state }) => state === 'queued').length
  const some = await countTasks(source, { ...query, filter: { states: ['running'] } }, LOOKED)
  expect(some).toMatchObject({ exact: false, scanned: LOOKED, unsplit: queued - LOOKED })
})

test('a record that an older release has written enters the indexes in Redis when a coordinator writes it again (L8)', async () => {
  const record = numbered(2, 'older')
  const member = `00000000001002:${record.taskId}x`
  const older = { ...record, taskId: `${record.taskId}x` }
  await redis.set(`task:${older.taskId}`, `${older.seq} ${older.state} ${JSON.stringify(older)}`)
  await redis.zadd(`tasks:older:${older.state}`, 0, member)
  const query = { tenant: 'older', filter: { agent: older.spec.agent }, limit: 5 }
  expect((await store.search(query)).found).toEqual([])
  await store.project([older], RETENTION_MS)
  expect((await store.search(query)).found).toHaveLength(1)
  expect((await store.search({ ...query, filter: {} })).found).toHaveLength(1)
})

test('expired tasks are removed from every index in Redis, and the name of an empty index is removed as well', async () => {
  const ended = [numbered(5, 'gone'), numbered(12, 'gone')]
  await store.project(
    ended.map((record) => ({ ...record, taskId: `${record.taskId}g` })),
    RETENTION_MS,
  )
  await store.forgetExpired(() => ({ endedUntilMs: 1_012, early: false }))
  expect(await redis.keys('tasks:gone:*')).not.toEqual([])
  await redis.del(...ended.map(({ taskId }) => `task:${taskId}g`))
  await store.forgetExpired(() => ({ endedUntilMs: 1_012, early: false }))
  expect(await redis.keys('tasks:gone:*')).toEqual([])
})
