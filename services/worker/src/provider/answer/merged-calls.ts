import { isRecord, objectIn, parseJson, textOf, type JsonObject } from '../shape.ts'
import { objectsIn } from './framing.ts'

/**
 * Separates calls that an endpoint merged into one: it gives one index and one id to parallel calls,
 * and clients that follow the index join their names and arguments.
 */

/** A name and arguments as the provider sent them. */
export interface NamedArguments {
  readonly name: string
  readonly args: string
}

/**
 * Returns the calls in one call; undefined if it is one. The last of objects that grow, and one of
 * equal objects, is the call.
 */
export function separateCalls(
  { name, args }: NamedArguments,
  offered: readonly string[],
): readonly NamedArguments[] | undefined {
  if (/\bmulti_tool_use[._]parallel$/.test(name)) return callsOfWrapper(args)
  if (!/}(?:\s{0,99},)?\s{0,99}{/.test(args)) return undefined
  const pieces = [...new Set(objectsIn(args))]
  const objects = pieces.map(objectIn)
  if (objects.some((object) => object === undefined)) return undefined
  const filled = pieces.filter((_piece, at) => Object.keys(objects[at] ?? {}).length > 0)
  if (filled.length < 2) return undefined
  const grows = objects.every((object, at) => at === 0 || contains(object, objects[at - 1]))
  if (grows) return [{ name, args: filled.at(-1) ?? args }]
  const names = namesIn(name, offered)
  const several = names.length === filled.length
  return filled.map((each, at) => ({
    name: (several ? names[at] : undefined) ?? names[0] ?? name,
    args: each,
  }))
}

/** Whether an object has every field of another one with the same value or a longer text. */
function contains(object: JsonObject = {}, other: JsonObject = {}): boolean {
  return Object.entries(other).every(([field, value]) => {
    const own = object[field]
    if (typeof own === 'string' && typeof value === 'string') return own.startsWith(value)
    return JSON.stringify(own) === JSON.stringify(value)
  })
}

/** Returns the offered names that follow each other without a separator. */
function namesIn(joined: string, offered: readonly string[]): readonly string[] {
  const names: string[] = []
  for (let rest = joined.trim(); rest !== '';) {
    const next = offered.filter((name) => rest.startsWith(name)).sort(longestFirst)[0]
    if (next === undefined || next === '') return []
    names.push(next)
    rest = rest.slice(next.length)
  }
  return names
}

const longestFirst = (one: string, other: string): number => other.length - one.length

/** Returns the calls in the wrapper that OpenAI's models invent for parallel calls. */
function callsOfWrapper(args: string): readonly NamedArguments[] | undefined {
  const wrapper = parseJson(args)
  const uses = isRecord(wrapper) ? wrapper['tool_uses'] : undefined
  if (!Array.isArray(uses) || uses.length === 0 || !uses.every(isRecord)) return undefined
  return uses.map(({ recipient_name: name, parameters }) => ({
    name: textOf(name) ?? '',
    args: JSON.stringify(parameters ?? {}),
  }))
}
