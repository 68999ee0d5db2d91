import type { Failure } from '@agentfleet/domain'
import { createAnswerReader } from '../../src/provider/answer/answer.ts'
import type { HeardAnswer } from '../../src/provider/answer/conclusion.ts'
import { failureOfError, readRefusal } from '../../src/provider/errors.ts'

/** The bytes of provider answers, and what the worker reads from them. */

/** An event with this value. */
export const event = (value: unknown): string =>
  `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`
/** A chunk with this delta. */
export const delta = (piece: object, finish: string | null = null, more: object = {}): string =>
  event({ choices: [{ index: 0, delta: piece, finish_reason: finish }], ...more })
export const DONE = event('[DONE]')
export const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
/** The usage in a chunk without choices. */
export const usage = (value: object = USAGE): string => event({ choices: [], usage: value })
/** A complete text answer. */
export const GOOD = `${delta({ role: 'assistant', content: '' })}${delta({ content: 'The answer' })}${delta({ content: ' is 42.' })}${delta({}, 'stop')}${usage()}${DONE}`
/** A whole call of the tool calculate. */
export const CALL = {
  index: 0,
  id: 'a',
  function: { name: 'calculate', arguments: '{"expression":"6*7"}' },
}
/** A piece of a tool call. */
export const toolPiece = (piece: object): string => delta({ tool_calls: [piece] })
/** A turn that requests tools. */
export const toolTurn = (...pieces: object[]): string =>
  `${pieces.map(toolPiece).join('')}${delta({}, 'tool_calls')}${usage()}${DONE}`

/** Returns the result of a body in these pieces, and the pieces passed on before it ended. */
export function read(
  pieces: readonly (string | Uint8Array)[],
  options: { readonly eventCharactersMax?: number; readonly key?: string } = {},
): { readonly answer: HeardAnswer; readonly text: string; readonly begun: number } {
  let text = ''
  let begun = 0
  const reader = createAnswerReader({
    eventCharactersMax: options.eventCharactersMax ?? 100_000,
    offered: { names: ['calculate', 'get_time'], isText: () => false, json: false },
    idSeed: 'task.0',
    promptCharacters: 40,
    key: options.key,
    onBegun: () => void (begun += 1),
    onText: (piece) => void (text += piece),
    onSize: () => undefined,
  })
  for (const piece of pieces) reader.push(Buffer.from(piece))
  reader.end()
  return { answer: reader.result(), text, begun }
}

/** Returns the failure that a refusal with this error becomes. */
export function failureOf(status: number, message: string, code?: string | number | null): Failure {
  const body = JSON.stringify({ error: { message, code } })
  return failureOfError(readRefusal(status, body), undefined)
}
