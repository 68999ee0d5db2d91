import type { ToolCall } from '../../run/conversation.ts'
import { isRecord, parseJson, textOf, type JsonObject } from '../shape.ts'
import { objectsIn } from './framing.ts'
import { createToolCalls, nameOf } from './tool-calls.ts'
import type { NamedArguments } from './merged-calls.ts'

/**
 * Finds the tool calls in a text: an endpoint without a parser for its model passes them on as the
 * model writes them. A text counts as calls only if nothing follows them, all of them are of offered
 * tools, and a mark or the form of the whole text shows that they are calls.
 */

/** The calls of a text, and the prose before them. */
interface CallsInText {
  readonly calls: readonly ToolCall[]
  readonly prose: string
}

/** What the request offered. */
export interface Offered {
  readonly names: readonly string[]
  /** Whether an argument of an offered tool is a text, so that its value is not read as JSON. */
  readonly isText: (tool: string, argument: string) => boolean
  /** Whether the answer should be JSON, which may look like a call. */
  readonly json: boolean
}

/** The marks with which calls begin; DeepSeek's and MiniMax's marks have letters of other scripts. */
const BEGINNING =
  /(?:^|\n)[^\S\n]*(?:functools\[|\[TOOL_CALLS\]|```tool_code\b|<(?:\w{1,16}:)?(?:tool_calls?|function_calls?|tools)>|<function=|<invoke name=|<[|｜](?:python_tag|tool|DSML|action_start|START_ACTION|start\|>assistant<\|channel|channel\|>commentary to=))/

/** Marks around the names and arguments of calls, which say nothing more. */
const MARKS =
  /<[|｜][^|｜<>]{1,40}[|｜]>|<\|\/tool_call\|>|<\/?(?:\w{1,16}:)?(?:tool_calls?|function_calls?|tools)>|\[TOOL_CALLS\]|\[ARGS\]|\[CALL_ID\]\w{1,64}|```\w*|<\/?function>?|\bfunctools(?=\[)/g
/** Words between the marks of gpt-oss, DeepSeek and others. */
const FILLER = /^(function|functools|assistant|commentary|analysis|json|call|python|[[\],;]+)?$/
const HEADER = /^to=/

/** Returns the calls of a text; none if it is an answer. */
export function callsInText(text: string, offered: Offered, idSeed: string): CallsInText {
  const none = { calls: [], prose: text }
  if (offered.names.length === 0 || text.length > CALLS_CHARACTERS_MAX) return none
  const start = BEGINNING.exec(text)?.index
  const section = text.slice(start ?? 0).trim()
  const found =
    start === undefined
      ? unmarkedCalls(section, offered)
      : (taggedCalls(section, offered) ??
        writtenCalls(section.replaceAll(MARKS, ' '), offered.names) ??
        namedCalls(section, offered.names))
  if (found === undefined || found.length === 0) return none
  const pieces = createToolCalls()
  for (const { name, args } of found) pieces.add({ function: { name, arguments: args } }, true)
  return { calls: pieces.calls(offered.names, idSeed), prose: text.slice(0, start ?? 0).trim() }
}

/** Characters; longer texts are documents. */
const CALLS_CHARACTERS_MAX = 200_000
/** Characters between two calls: a name and words around it. */
const HEADER_MAX = 300
/** Calls; a text with more is a document. */
const CALLS_MAX = 256

/** Returns the offered tool that a word names. */
function offeredName(word: string, offered: readonly string[]): string | undefined {
  const plain = word.replace(HEADER, '').replace(/^<?function=/, '')
  const name = nameOf([plain], offered)
  return offered.includes(name) ? name : undefined
}

/** Returns the call that an object describes. */
function callIn(value: JsonObject, offered: readonly string[]): NamedArguments | undefined {
  const inner = isRecord(value['function']) ? value['function'] : value
  const { name = inner['tool_name'] ?? inner['function'] ?? inner['tool'] } = inner
  const known = offeredName(textOf(name) ?? '', offered)
  const args = inner['arguments'] ?? inner['parameters'] ?? inner['args'] ?? inner['input']
  const given = typeof args === 'string' ? parseJson(args) : (args ?? {})
  if (known === undefined || !isRecord(given)) return undefined
  return { name: known, args: typeof args === 'string' ? args : JSON.stringify(given) }
}

/** Reads JSON objects: calls, or the arguments of a tool that is named before them. */
function namedCalls(section: string, offered: readonly string[]): NamedArguments[] | undefined {
  const found: NamedArguments[] = []
  let named: string | undefined
  // A mark behind the arguments must not become a part of the next name.
  for (const piece of objectsIn(section.replaceAll(MARKS, ' '))) {
    const value = piece.startsWith('{') ? parseJson(piece) : undefined
    if (isRecord(value)) {
      const call = named === undefined ? callIn(value, offered) : { name: named, args: piece }
      if (call === undefined) return undefined
      found.push(call)
      named = undefined
      continue
    }
    if (piece.length > HEADER_MAX || found.length > CALLS_MAX) return undefined
    for (const word of piece.replaceAll('>', ' ').split(/\s+/)) {
      const name = offeredName(word, offered)
      if (name !== undefined) named = name
      else if (!FILLER.test(word)) return undefined
    }
  }
  return named === undefined ? found : undefined
}

/** Tags around one call: of Qwen, Llama, Anthropic and MiniMax, DeepSeek, and GLM. */
const BLOCK =
  /<(?:｜DSML｜)?(?:function=([\w.:-]+)|invoke name="([^"]+)")>([\s\S]*?)(?:<\/(?:｜DSML｜)?(?:function|invoke)>|$)|<tool_call>\s*([\w.:-]+)\s*((?:<arg_key>[\s\S]*?)?)(?:<\/tool_call>|$)/g
/** A value ends at the next tag of an argument, so that no opening tag searches the whole text. */
const ARGUMENT =
  /<(?:｜DSML｜)?parameter(?:=([^<>]{1,200})| name="([^"<>]{1,200})"(?: string="(true|false)")?)>((?:[^<]|<(?!\/?(?:｜DSML｜)?parameter))*)<\/(?:｜DSML｜)?parameter>|<arg_key>([^<]{1,200})<\/arg_key>\s*<arg_value>((?:[^<]|<(?!\/?arg_))*)<\/arg_value>/g

/** Reads calls with a tag around each argument. */
function taggedCalls(section: string, offered: Offered): NamedArguments[] | undefined {
  const found: NamedArguments[] = []
  for (const [, one, two, inside, three, pairs = ''] of section.matchAll(BLOCK)) {
    const name = offeredName(one ?? two ?? three ?? '', offered.names)
    if (name === undefined) return undefined
    const body = inside ?? pairs
    const isObject = isRecord(parseJson(body.trim()))
    const args = isObject ? body.trim() : argumentsIn(body, name, offered)
    if (args === undefined) return undefined
    found.push({ name, args })
  }
  const rest = section
    .replaceAll(BLOCK, ' ')
    .replaceAll(MARKS, ' ')
    .replaceAll(/<[^<>]*>/g, ' ')
  return found.length > 0 && rest.trim() === '' ? found : undefined
}

function argumentsIn(body: string, tool: string, offered: Offered): string | undefined {
  const args: [string, unknown][] = []
  for (const [, one, two, isString, value = '', three, other] of body.matchAll(ARGUMENT)) {
    const name = (one ?? two ?? three ?? '').trim()
    const said = (other ?? value).replace(/^\n/, '').replace(/\n$/, '')
    const isText = isString === 'true' || offered.isText(tool, name)
    args.push([name, isText ? said : (parseJson(said) ?? said)])
  }
  return body.replaceAll(ARGUMENT, '').trim() === ''
    ? JSON.stringify(Object.fromEntries(args))
    : undefined
}

const FENCED = /^```(?:json)?[^\S\n]*\n([^`]*)```$/

/** Reads a text that has the form of calls as a whole. */
function unmarkedCalls(section: string, { names, json }: Offered): NamedArguments[] | undefined {
  if (json) return undefined
  const inside = FENCED.exec(section)?.[1] ?? section
  if (inside.startsWith('[') && !/^\[\s*\{/.test(inside)) return writtenCalls(inside, names)
  if (!/^[[{]/.test(inside) || !/"(name|function|tool_name|tool_calls)"/.test(inside))
    return undefined
  const value = parseJson(inside)
  const wrapped = isRecord(value) ? (value['tool_calls'] ?? value) : value
  const all = Array.isArray(wrapped) ? wrapped : [wrapped]
  const calls = all.map((call) =>
    isRecord(call) && Object.keys(call).every((field) => CALL_FIELDS.has(field))
      ? callIn(call, names)
      : undefined,
  )
  return calls.every((call) => call !== undefined) ? calls : undefined
}

/** The fields of an object that is a call; an object with others is an answer. */
const CALL_FIELDS = new Set(
  'name arguments parameters args input type id function tool tool_name tool_call_id'.split(' '),
)

const WRITTEN = /\s*([\w.]{1,80})\(((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^()"'])*)\)\s*[,;]?/gsy
const KEYWORD =
  /\s*(\w{1,64})\s*=\s*((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^[\]]*\]|\{[^{}]*\}|[^,"'])+),?/gsy

/** Reads calls written like those of Python: [calculate(expression="6*7")]. */
function writtenCalls(section: string, offered: readonly string[]): NamedArguments[] | undefined {
  const inside = section.trim().replace(/^\[([\s\S]*)\]$/, '$1')
  const found: NamedArguments[] = []
  for (const [, word = '', list = ''] of everyMatch(inside, WRITTEN) ?? []) {
    const name = offeredName(word, offered)
    const pairs = everyMatch(list, KEYWORD)?.map(([, key = '', value = '']) => [
      key,
      parseJson(value.trim()),
    ])
    if (name === undefined || pairs?.every(([, value]) => value !== undefined) !== true)
      return undefined
    found.push({ name, args: JSON.stringify(Object.fromEntries(pairs)) })
  }
  return found.length > 0 ? found : undefined
}

/** Returns matches that follow each other and cover a text; undefined if they do not. */
function everyMatch(text: string, pattern: RegExp): readonly RegExpExecArray[] | undefined {
  const sticky = new RegExp(pattern.source, 'sy')
  const found: RegExpExecArray[] = []
  const trimmed = text.trim()
  while (sticky.lastIndex < trimmed.length) {
    const match = sticky.exec(trimmed)
    if (match === null) return undefined
    found.push(match)
  }
  return found
}
