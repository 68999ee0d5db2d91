import { parentPort } from 'node:worker_threads'
import {
  compileSchema,
  type CheckJob,
  type CheckOutcome,
  type CompiledSchema,
} from './compiled-schema.ts'
import type { JsonSchema } from './dialect.ts'

/** Runs the checks of answers in a thread, so that an endless check blocks nothing else. */

/** Values that reach the rules of most schemas, so that an endless rule is found at once. */
const SAMPLES = ['null', '{}', '[]', '""', '0', '[{}]']

/** By the numbers that the process gives; it also decides which are kept. */
const kept = new Map<number, CompiledSchema>()

function compiled(text: string, id: number): CompiledSchema {
  const known = kept.get(id)
  if (known !== undefined) return known
  const schema = compileSchema(JSON.parse(text) as JsonSchema)
  if (schema.kind === 'ok') for (const sample of SAMPLES) schema.check(sample)
  kept.set(id, schema)
  return schema
}

function outcomeOf({ schema: text, answer, id, forget }: CheckJob): CheckOutcome {
  for (const each of forget) kept.delete(each)
  try {
    const schema = compiled(text, id)
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
