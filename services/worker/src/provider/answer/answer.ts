import type { Failure } from '@agentfleet/domain'
import { safeMessage } from '../safe-message.ts'
import { createChoices, isEndName } from './choice.ts'
import { conclude, nothingHeard, type Heard, type HeardAnswer } from './conclusion.ts'
import { createFraming, END_MARK } from './framing.ts'
import { createMessages } from './messages.ts'
import { isSignOfLife } from '../shape.ts'
import { callsInText, type Offered } from './calls-in-text.ts'
import { createValues, ERROR_NAME, isOver, MALFORMED, tooLarge } from './values.ts'

/**
 * Reads one answer of a provider from its bytes to its result.
 *
 * States: open → finished (a finish reason arrived; usage may follow) → over ([DONE], the end of
 * the body, an error, a limit). Invariants: no bytes make it throw; a finished answer stays
 * complete whatever happens to the connection afterwards; the pieces that it passes on add up to
 * the text of the answer; an answer that is empty, cut, withheld or ended for an unknown reason is
 * a failure.
 */
export type AnswerReader = ReturnType<typeof createAnswerReader>

/** How to read an answer. */
interface AnswerOptions {
  /** Characters of the largest event or JSON body. */
  readonly eventCharactersMax: number
  readonly offered: Offered
  /** The seed for ids of calls without one: unique for each provider request. */
  readonly idSeed: string
  /** The characters of the prompt, for estimating its tokens. */
  readonly promptCharacters: number
  /** The provider's key, which no message may contain. */
  readonly key: string | undefined
  /** Called before the first piece of the answer is passed on. */
  onBegun(): void
  onText(text: string): void
  /** Called with the number of characters so far. */
  onSize(characters: number): void
}

/** Creates the reader of one answer. */
export function createAnswerReader(options: AnswerOptions) {
  const heard = nothingHeard()
  const choices = createChoices(options.eventCharactersMax)
  const messages = createMessages(heard, options)
  const { hearText, hearKept } = createValues(heard, messages, choices, {
    ...options,
    isWhole: () => framing.whole,
  })
  let ended = false
  const framing = createFraming(options.eventCharactersMax, {
    onData(data, name) {
      const text = data.trim()
      if (ended || isOver(heard)) return
      const mark = !text.startsWith('{')
      // The name alone ends the stream, unless its event has a choice.
      const last = name !== undefined && isEndName(name) && !text.includes('"choices"')
      if (text === '' && !last && name !== 'error') return
      if ((mark || name !== undefined) && isSignOfLife(name ?? text)) return
      heard.events += 1
      // The end mark may stand behind the last value.
      const end = mark || !text.endsWith(']') ? -1 : text.lastIndexOf('[')
      if (end > 0 && isEndMark(text.slice(end))) {
        hearText(text.slice(0, end), name)
        heard.done = true
      } else if (!last && name !== undefined && ERROR_NAME.test(name)) hearText(text, name)
      else if (text !== '' && !(mark && END_MARK.test(text))) hearText(text, name)
      else heard.done = true
      heard.done ||= last
    },
    onBroken(problem, said) {
      if (problem === 'too-large') heard.failure ??= tooLarge(options.eventCharactersMax)
      else heard.failure ??= notAnAnswer(safeMessage(said.trim(), options.key))
    },
  })

  return {
    push(bytes: Uint8Array): void {
      if (!ended && !isOver(heard)) framing.push(bytes)
    },
    /**
     * Ends the body, whether it was complete or its connection broke. `problem`: why its bytes, or the
     * last of them, could not be decoded.
     */
    end(problem?: string): void {
      if (ended) return
      if (!isOver(heard)) framing.end()
      if (problem !== undefined && !isOver(heard)) heard.failure = undecodable(problem)
      if (heard.failure === undefined) hearKept()
      ended = true
    },
    /** Whether the rest of the body is irrelevant. */
    get over() {
      return isOver(heard)
    },
    /** Whether the provider has sent a finish reason after an answer; only usage may still follow. */
    get finished() {
      return choices.finished || isFinished(heard)
    },
    /** The number of characters so far. */
    get size() {
      return heard.characters
    },
    /** Whether the answer has failed and the rest of the body is useless. */
    get broken() {
      return heard.failure !== undefined
    },
    result(): HeardAnswer {
      messages.passOn(heard.spoken.end())
      const { offered, idSeed } = options
      const calls = messages.calls(offered.names, idSeed)
      if (calls.length > 0) return conclude(heard, calls, options)
      const written = callsInText(heard.spoken.text, offered, idSeed)
      return conclude(heard, written.calls, { ...options, prose: written.prose })
    },
  }
}

function isFinished({ characters, refusal, usage, finish, wentOn }: Heard): boolean {
  const answered = characters > 0 || refusal !== '' || usage !== undefined
  return finish !== undefined && answered && !wentOn
}

/** A word in brackets that ends a stream, and nothing more. */
function isEndMark(text: string): boolean {
  return /^\[[a-z]{1,20}\]$/i.test(text) && END_MARK.test(text)
}

function undecodable(problem: string): Failure {
  const message = `the body of the provider's answer could not be decoded: ${problem}; switch off compression at the provider or its proxy`
  return { kind: 'malformed', message }
}

/** Characters that no text has. */
const BINARY = /[^\P{Cc}\s]|\uFFFD/u

function notAnAnswer(said: string): Failure {
  if (BINARY.test(said)) return { kind: 'malformed', message: `${MALFORMED.message}: it is binary` }
  return said === '' ? MALFORMED : { kind: 'malformed', message: `${MALFORMED.message}: ${said}` }
}
