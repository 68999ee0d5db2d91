import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { run, serve } from './command-runs.ts'

/** Every field of a request that a person would set has an option that reaches the gateway. */

const DOCUMENT = new URL('../../../openapi.yaml', import.meta.url)
const METHODS = ['get', 'post', 'put', 'delete'] as const
const FILTERS =
  '-a a -m m -p low --node n -e e --kind goal --parent t --replay-of t --metadata a=b -q q --since 2h --until 1h'
const ENDED = '--ended-since 2h --ended-until 1h'

/** The command lines of an operation, and the fields that only a file or another command sets. */
const OPERATIONS: Readonly<
  Record<string, { readonly lines: readonly string[]; readonly without?: string }>
> = {
  submitTask: {
    lines: [
      'submit -a a --agent-version 1 -m m --fallback-model f -p low --system-prompt s --context {} --tool t x',
      'submit --schema {} --max-output-tokens 1 --approvers other-keys --metadata a=b --after t x',
      'submit --on-dependency-failure continue --delay 1s --timeout 1s --attempts 1 x',
      'submit --budget-usd 1 --budget-tokens 1 x',
    ],
    // Tuning, which belongs into a definition or a file; --delay and the header replace the last two.
    without:
      'cpu memory placement affinityKey agentDefinition limits sampling budget.turns budget.wallMs notBefore idempotencyKey',
  },
  submitGoal: {
    lines: [
      'goals submit --context {} --approvers any --hold --role r --max-replans 1 --planner p -m m x',
      'goals submit -p low --timeout 1s --attempts 1 --metadata a=b --idempotency-key k x',
      'goals submit --budget-usd 1 --budget-tokens 1 x',
    ],
    without: 'budget.turns budget.wallMs',
  },
  listTasks: {
    lines: [`ls -s queued ${FILTERS} --waiting time ${ENDED} --order oldest -n 1`],
    without: 'cursor',
  },
  countTasks: { lines: [`ls --count agent -s queued ${FILTERS} --waiting time ${ENDED}`] },
  cancelTasks: {
    lines: [
      `cancel --all -s queued ${FILTERS} --waiting time --reason r --dry-run`,
      'cancel --reason r t',
    ],
    without: 'limit cursor',
  },
  replayTasks: {
    lines: [`replay --all -s failed ${FILTERS} ${ENDED} --from journal --dry-run`],
    // The command replays named tasks one by one.
    without: 'taskIds limit cursor',
  },
  replayTask: { lines: ['replay --from journal t'] },
  approveStep: { lines: ['approve --step 1 --note n --person p t'] },
  getAgent: { lines: ['agents get --version 1 a'] },
  // "ls --kind goal" has the other filters.
  listGoals: {
    lines: ['goals -s failed -q q --since 2h --until 1h -n 1'],
    without: 'agent model priority node metadata endedAfter endedBefore order cursor',
  },
  listScheduleTicks: { lines: ['schedules ticks --count 1 s'] },
  previewSchedule: { lines: ['schedules preview --zone UTC --count 1 @daily'] },
  getUsage: { lines: ['usage --from today --to today --by agent --limit 1 --scope fleet'] },
  // A chart needs the series.
  getStats: {
    lines: ['stats --from 2h --to 1h --step 1m --group agent --scope fleet'],
    without: 'series',
  },
  listQueues: { lines: ['queues --scope fleet'] },
  listDecisions: {
    lines: [
      'decisions --service s --kind k --about a --acted yes --measured no --since 2h --until 1h',
    ],
    without: 'cursor',
  },
  listIncidents: { lines: ['incidents -s open --node n -n 1'], without: 'cursor' },
  listKeys: { lines: ['keys --tenant t'], without: 'cursor' },
  createKey: {
    lines: [
      'keys create --tenant t --scope tasks:read --agent a --rate 1 --concurrent 1 --expires 1d x',
    ],
  },
  rotateKey: { lines: ['keys rotate --overlap 1h k'] },
  listAudit: {
    lines: ['audit --kind refusal --tenant t --by k --operation o -n 1'],
    without: 'cursor',
  },
}

/** Operations whose fields no person sets, or of which a whole file is the body. */
const OTHERS = [
  'submitBatch',
  'putAgent',
  'putSchedule',
  'listSchedules',
  'getTaskEvents',
  'getTaskCall',
  'getFleet',
  'openStream',
]

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
}
interface Parameter {
  readonly $ref?: string
  readonly name: string
  readonly in: string
}
interface Operation {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}
type Document = Readonly<{
  paths: Readonly<Record<string, Readonly<Partial<Record<(typeof METHODS)[number], Operation>>>>>
}>

interface Documented {
  readonly id: string
  readonly method: string
  readonly path: RegExp
  readonly fields: readonly string[]
}

async function documented(): Promise<readonly Documented[]> {
  const document = load(await readFile(DOCUMENT, 'utf8')) as Document
  const resolved = <T extends { readonly $ref?: string }>(part: T): T =>
    part.$ref === undefined
      ? part
      : (part.$ref
          .slice(2)
          .split('/')
          .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document) as T)
  const bodyFields = ({ requestBody }: Operation): readonly string[] => {
    const { properties = {} } = resolved(requestBody?.content['application/json']?.schema ?? {})
    return Object.entries(properties).flatMap(([name, schema]) => {
      const parts = Object.keys(resolved(schema).properties ?? {})
      return name === 'budget' ? parts.map((part) => `${name}.${part}`) : [name]
    })
  }
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): readonly Documented[] => {
      const operation = item[method]
      if (operation === undefined) return []
      const query = (operation.parameters ?? []).map(resolved).filter((one) => one.in === 'query')
      return [
        {
          id: operation.operationId,
          method: method.toUpperCase(),
          path: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/:]+')}$`),
          fields: [...query.map(({ name }) => name), ...bodyFields(operation)],
        },
      ]
    }),
  )
}

/** The fields of every request that these command lines send, by operation. */
async function sentBy(lines: readonly string[], operations: readonly Documented[]) {
  const sent = new Map<string, Set<string>>()
  await using server = await serve((request, response) => {
    void text(request).then((body) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
      const found = operations.find(
        (one) => one.method === request.method && one.path.test(pathname),
      )
      const fields = sent.get(found?.id ?? '') ?? new Set()
      for (const name of searchParams.keys())
        fields.add(name.startsWith('metadata') ? 'metadata' : name)
      for (const [name, value] of Object.entries(JSON.parse(body || '{}') as object)) {
        const parts = name === 'budget' ? Object.keys(value as object) : []
        for (const part of parts) fields.add(`${name}.${part}`)
        if (parts.length === 0) fields.add(name)
      }
      sent.set(found?.id ?? '', fields)
      response.writeHead(400).end('{"title":"Refused","status":400,"detail":"x","code":"x"}')
    })
  })
  for (const line of lines) {
    const { code, err } = await run(server.url, line.split(' '))
    expect([line, code, err]).toEqual([line, 1, 'Refused: x\n'])
  }
  return sent
}

test('each field of a request that a person sets at the terminal has an option, and the command sends it', async () => {
  const operations = await documented()
  for (const [id, { lines, without = '' }] of Object.entries(OPERATIONS)) {
    const { fields = [] } = operations.find((one) => one.id === id) ?? {}
    const sent = (await sentBy(lines, operations)).get(id) ?? new Set()
    expect([id, ...[...sent, ...without.split(' ').filter(Boolean)].toSorted()]).toEqual([
      id,
      ...fields.toSorted(),
    ])
  }
})

test('each operation with fields is one of those that this file compares or leaves out', async () => {
  const withFields = (await documented()).filter(({ fields }) => fields.length > 0)
  const named = new Set([...Object.keys(OPERATIONS), ...OTHERS])
  expect(withFields.map(({ id }) => id).toSorted()).toEqual([...named].toSorted())
})
