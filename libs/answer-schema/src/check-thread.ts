import { parentPort } from 'node:worker_threads'
import {
  compileSchema,
  type CheckJob,
  type CheckOutcome,
  type CompiledSchema,
} from './compiled-schema.ts'
import type { JsonSchema } from './dialect.ts'

/** Runs the checks of answers in a thread, so that an endless check blocks nothing else. */

/** Schemas kept compiled: about as many as a node's agents have; the largest take half a megabyte each. */
const KEPT_MAX = 64
/** Values that reach the rules of most schemas, so that an endless rule is found at once. */
const SAMPLES = ['null', '{}', '[]', '""', '0', '[{}]']

// In order of use: the schema unused for longest is forgotten first.
const kept = new Map<string, CompiledSchema>()

function compiled(text: string): CompiledSchema {
  const known = kept.get(text)
  const schema = known ?? compileSchema(JSON.parse(text) as JsonSchema)
  if (known === undefined && schema.kind === 'ok')
    for (const sample of SAMPLES) schema.check(sample)
  kept.delete(text)
  kept.set(text, schema)
  const [oldest] = kept.keys()
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest)
  return schema
}

function outcomeOf({ schema: text, answer }: CheckJob): CheckOutcome {
  try {
    const schema = compiled(text)
    if (schema.kind === 'bad-schema') return schema
    return answer === undefined ? { kind: 'ok' } : schema.check(answer)
  } catch (error) {
    // A schema that refers to itself without descending into a value overflows the stack.
    const problem = 'refers to itself without end, or is nested too deeply'
    if (error instanceof RangeError) return { kind: 'too-costly', problem }
    return { kind: 'too-costly', problem: error instanceof Error ? error.message : String(error) }
  }
}

const port = parentPort
if (port === null) throw new Error('this file must run as a worker thread')
const say = (message: CheckOutcome | 'ready'): void => port.postMessage(message)
port.on('message', (job: CheckJob) => say(outcomeOf(job)))
say('ready')
