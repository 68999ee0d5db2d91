import { given, isTerminal, plural, SPEC_LIMITS } from '@agentfleet/domain'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { BatchRequest, BatchResult, TaskRequest, TaskView } from '@agentfleet/protocol'
import { flag, takes, type Command, type Context, type Input } from '../command.ts'
import { EXIT, named, UsageError, type ExitCode } from '../exit.ts'
import {
  choiceOf,
  durationOf,
  isSet,
  jsonOf,
  listOf,
  oneArgument,
  placeOf,
  textOf,
  wholeOf,
} from '../parse/values.ts'
import { AWAY_MAX_MS, patiently, withOwnKey } from '../patience.ts'
import { progressBar } from '../render/progress.ts'
import { jsonLine, safe, valueText } from '../render/text.ts'
import { printOne } from '../watching.ts'
import { followTasks } from './watch.ts'
import { workOf, workOptions } from '../parse/work-options.ts'

/** A held request is repeated after this, seconds. */
const WAIT_S = 60
/** The most that one batch holds. */
const BATCH_TASKS = 1_000
/** A batch stays well below the gateway's limit of a request body, bytes. */
const BATCH_BYTES = 512 * 1_024
/** With these results of a batch the gateway has stored nothing and may have room later. */
const ROOM_LATER = new Set([429, 503])
/** As long as the gateway asks for in most cases, milliseconds. */
const ROOM_PAUSE_MS = 2_000

const DEPENDENCY_FAILURES = ['fail', 'continue'] as const

type BatchTask = BatchRequest['tasks'][number]

/** `agentfleet submit`: one task from the command line, or many from a file. */
export const submit: Command = {
  name: 'submit',
  summary: 'submit a task, or a file of tasks',
  usages: [
    'submit [--wait] [options] TEXT',
    'submit --follow [options] TEXT',
    'submit --file FILE [--wait] [--follow] [options]',
  ],
  options: {
    agent: takes('NAME', 'the agent NAME runs the task', { short: 'a' }),
    model: takes('NAME', 'use the LLM NAME instead of the default LLM', { short: 'm' }),
    'fallback-model': takes('NAME', 'use the LLM NAME if the other LLMs are unavailable', {
      multiple: true,
    }),
    'agent-version': takes('N', 'use the version N of the agent (default: the newest version)'),
    'system-prompt': takes('TEXT', 'use TEXT as the system prompt of the task'),
    tool: takes('NAME', 'the agent may use the tool NAME', { multiple: true }),
    schema: takes('JSON', 'the result must satisfy the JSON Schema JSON'),
    'max-output-tokens': takes('N', 'one LLM call may answer with at most N tokens'),
    after: takes('TASK_ID', 'the task TASK_ID must end before this task starts', {
      multiple: true,
    }),
    'on-dependency-failure': takes(
      'WHAT',
      'continue: the task runs even if a task of --after fails',
      {
        choices: DEPENDENCY_FAILURES,
      },
    ),
    delay: takes('DURATION', 'start the task only after DURATION'),
    ...workOptions('task'),
    file: takes(
      'FILE',
      'read tasks from FILE, one JSON object in each line; - means the standard input',
      { short: 'f' },
    ),
    wait: flag('wait until the task ends and print its result'),
    follow: flag('wait until the task ends and print the text while the agent writes it'),
  },
  notes: [
    '- in place of TEXT means the standard input.',
    'Without --wait the command prints only the id of each task, so scripts can read it.',
    'Each line of a file is a JSON body of POST /v1/tasks; options are defaults for the tasks of the file.',
    'A field without an option, such as sampling, can only be set in a file: echo \'{"task":"…"}\' | agentfleet submit --file -',
  ],
  async run(context, input): Promise<ExitCode> {
    const file = textOf(input, 'file')
    if (file !== undefined) return submitFile(context, input, file)
    const missing = 'The text of the task is missing.'
    const text = oneArgument(input.args, missing)
    const read = text === '-' ? oneArgument([await context.read(text)], missing) : text
    const task = requestOf(input, { task: read })
    const idempotencyKey = textOf(input, 'idempotency-key') ?? randomUUID()
    // If the answer is lost, the same key leads to the same task.
    const send = (waitSeconds?: number) =>
      context.client.submit(task, given({ idempotencyKey, waitSeconds }))
    const view = named(await withOwnKey(context, () => send()))
    if (isSet(input, 'wait')) {
      context.note(`task ${view.id}`)
      return waitForEnd(context, view, () => send(WAIT_S))
    }
    if (isSet(input, 'follow')) {
      context.note(`task ${view.id}`)
      return followTasks(context, [view.id], { textOnly: true })
    }
    printOne(context, view, () => view.id)
    if (context.columns !== undefined)
      context.note(`follow the task with: agentfleet watch ${view.id}`)
    return EXIT.done
  },
}

/** Waits for the end of a task, however long that takes, and prints its result. */
async function waitForEnd(
  context: Context,
  first: TaskView,
  repeat: () => Promise<TaskView>,
): Promise<ExitCode> {
  let view = first
  // The same key leads to the same task: repeating the request only continues the wait.
  while (!isTerminal(view.state)) view = await patiently(context, repeat)
  const { state, error, result } = view
  if (context.json) context.print(jsonLine(view))
  else if (result !== undefined) context.print(safe(valueText(result)))
  if (state === 'completed') return EXIT.done
  context.note(`The task is ${state}${error ? ` (${error.code}): ${safe(error.message)}` : ''}.`)
  return EXIT.taskFailed
}

async function submitFile(context: Context, input: Input, file: string): Promise<ExitCode> {
  const place = placeOf(file)
  const runKey = textOf(input, 'idempotency-key') ?? randomUUID()
  const lines = (await context.read(file)).split('\n').map((line) => line.trim())
  const numbers: number[] = []
  const tasks = lines.flatMap((line, at) => {
    if (line === '') return []
    const value = jsonOf(line, `line ${at + 1} of ${place}`)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UsageError(`line ${at + 1} of ${place} is not an object such as {"task":"…"}.`)
    }
    numbers.push(at + 1)
    // With keys a batch can be sent again; a second run with the same option submits no second tasks.
    return [{ idempotencyKey: `${runKey}-${at + 1}`, ...requestOf(input, value) }]
  })
  if (tasks.length === 0)
    throw new UsageError(`There is no task in ${place}. Write one JSON object in each line.`)
  const startMs = context.nowMs()
  const ids: string[] = []
  let refused = 0
  for (const batch of batchesOf(tasks)) {
    const results = await submitSome(context, batch, ids.length + refused > 0)
    for (const result of results) {
      printResult(context, result, numbers[ids.length + refused])
      if (result.taskId === undefined) refused += 1
      else ids.push(result.taskId)
    }
    const progress = { done: ids.length + refused, total: tasks.length }
    context.progress(
      progressBar('submitting', { ...progress, elapsedMs: context.nowMs() - startMs }),
    )
  }
  context.progress('')
  context.note(`${ids.length} of ${tasks.length} tasks submitted`)
  const waits = isSet(input, 'wait') || isSet(input, 'follow')
  const ended = waits && ids.length > 0 ? await followTasks(context, ids, {}) : EXIT.done
  return refused > 0 ? EXIT.failed : ended
}

/** Submits a batch; tasks that the gateway has no room for now are sent again. */
async function submitSome(
  context: Context,
  batch: readonly BatchTask[],
  answered: boolean,
): Promise<readonly BatchResult[]> {
  const { client, signal, nowMs } = context
  const send = async (tasks: readonly BatchTask[]): Promise<readonly BatchResult[]> => {
    const request = () => client.submitBatch(tasks)
    return answered ? patiently(context, request) : request()
  }
  let results = await send(batch)
  let movedAtMs = nowMs()
  for (;;) {
    const left = results.filter(({ status }) => ROOM_LATER.has(status)).length
    if (left === 0 || nowMs() - movedAtMs > AWAY_MAX_MS) return results
    context.progress(`waiting for room for ${plural(left, 'task')}`)
    await delay(ROOM_PAUSE_MS, undefined, { signal })
    // The whole batch: its tasks may name each other by their positions.
    results = await send(batch)
    if (results.filter(({ status }) => ROOM_LATER.has(status)).length < left) movedAtMs = nowMs()
  }
}

function printResult(context: Context, result: BatchResult, line = 0): void {
  if (context.json) context.print(jsonLine(result))
  else if (result.taskId !== undefined) context.print(result.taskId)
  else
    context.note(`line ${line} refused (${result.status}): ${safe(result.problem?.detail ?? '')}`)
}

/** Batches that the gateway takes; the key makes a repeated batch safe. */
export function batchesOf(tasks: readonly BatchTask[]): readonly (readonly BatchTask[])[] {
  const batches: BatchTask[][] = []
  let batch: BatchTask[] = []
  let bytes = 0
  for (const task of tasks) {
    const size = Buffer.byteLength(JSON.stringify(task))
    if (batch.length > 0 && (batch.length >= BATCH_TASKS || bytes + size > BATCH_BYTES)) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(task)
    bytes += size
  }
  return batch.length > 0 ? [...batches, batch] : batches
}

/** The task of these options; its own fields win. */
function requestOf(input: Input, own: object): TaskRequest {
  const schema = textOf(input, 'schema')
  const options = given({
    agent: textOf(input, 'agent'),
    agentVersion: wholeOf(input, 'agent-version', { min: 1, max: SPEC_LIMITS.agentVersionMax }),
    model: textOf(input, 'model'),
    fallbackModels: listOf(input, 'fallback-model'),
    systemPrompt: textOf(input, 'system-prompt'),
    tools: listOf(input, 'tool'),
    responseSchema: schema === undefined ? undefined : jsonOf(schema, '--schema'),
    maxOutputTokens: wholeOf(input, 'max-output-tokens', {
      min: 1,
      max: SPEC_LIMITS.outputTokensMax,
    }),
    dependsOn: listOf(input, 'after'),
    onDependencyFailure: choiceOf(input, 'on-dependency-failure', DEPENDENCY_FAILURES),
    delayMs: durationOf(input, 'delay'),
    ...workOf(input),
  })
  return { ...options, ...own } as TaskRequest
}
