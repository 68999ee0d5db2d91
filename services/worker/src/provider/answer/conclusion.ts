import type { Failure, Json, Usage } from '@agentfleet/domain'
import type { LlmAnswer } from '../../run/conversation.ts'
import { SIGNATURES, THOUGHTS } from './echo.ts'
import { classifyFinish } from './finish.ts'
import type { ProviderError } from '../errors.ts'
import { safeMessage } from '../safe-message.ts'
import { createSpokenText, withoutUnopened, type SpokenText } from './spoken.ts'
import { usageOf, type ReportedUsage } from './usage.ts'

/** What an answer that has ended is: complete, or a failure of a stated kind. */

/** A complete answer, or what is wrong with it. */
export type HeardAnswer =
  | { readonly kind: 'answered'; readonly answer: LlmAnswer; readonly usage: Usage }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      /** The usage of a failed answer that the provider nevertheless finished. */
      readonly usage?: Usage
      /** The text of an answer that was cut. */
      readonly partial?: string
      /** The field and the code that an error within the answer names. */
      readonly named?: NamedField
    }

type NamedField = Pick<ProviderError, 'param' | 'code'>

/** What the reader has heard of an answer. */
export interface Heard {
  readonly spoken: SpokenText
  refusal: string
  characters: number
  finish: string | undefined
  /** The number of characters before the finish reason. */
  finishedAt: number
  /** Text followed a finish reason, so the finish reasons of this provider do not prove an end. */
  wentOn: boolean
  usage: ReportedUsage | undefined
  failure: Failure | undefined
  /** The field and the code that an error within the answer names. */
  named: NamedField | undefined
  done: boolean
  /** The usage followed the text in a separate chunk, which only a complete answer has. */
  closed: boolean
  events: number
  /** Values with a list of choices, empty or not. */
  choices: number
  readonly echo: Record<string, Json>
}

/** Nothing has been heard yet. */
export function nothingHeard(): Heard {
  return {
    spoken: createSpokenText(),
    refusal: '',
    characters: 0,
    finish: undefined,
    finishedAt: 0,
    wentOn: false,
    usage: undefined,
    failure: undefined,
    named: undefined,
    done: false,
    closed: false,
    events: 0,
    choices: 0,
    echo: {},
  }
}

const NO_CHOICES: Failure = {
  kind: 'malformed',
  message:
    'the answer has no choices, so it is not a chat completion; check that the base URL leads to an OpenAI-compatible API',
}
const BROKE_OFF: Failure = {
  kind: 'connection',
  message: 'the connection broke before the end of the answer',
}

/** Returns the result of an answer that has ended. */
export function conclude(
  heard: Heard,
  toolCalls: LlmAnswer['toolCalls'],
  options: {
    readonly promptCharacters: number
    readonly key: string | undefined
    /** The text without the calls that stood in it. */
    readonly prose?: string
  },
): HeardAnswer {
  const { finish, failure, refusal } = heard
  const text = withoutUnopened(options.prose ?? heard.spoken.text)
  const said = text.trim() !== '' || toolCalls.length > 0
  const usage = usageOf(heard.usage, { prompt: options.promptCharacters, answer: heard.characters })
  const named = heard.named === undefined ? {} : { named: heard.named }
  const paid = finish === undefined ? {} : { usage }
  const failed = (problem: Failure): HeardAnswer => {
    return { kind: 'failed', failure: problem, ...paid, ...named }
  }
  const cut = (message: string): HeardAnswer => {
    const partial = text === '' ? {} : { partial: text }
    return { ...failed({ kind: 'answer-cut', message }), ...partial }
  }
  const ending = finish === undefined ? undefined : classifyFinish(finish)
  // The provider's words may repeat a key, as its errors may.
  const reason = (): string =>
    safeMessage(finish ?? 'the provider gave no finish reason', options.key)
  // What follows a complete answer does not change it.
  const whole = said && ending === 'whole' && refusal.trim() === ''
  if (failure !== undefined && !whole) return failed(failure)
  if (refusal.trim() !== '') {
    const message = `the model refused: ${safeMessage(refusal.trim(), options.key)}`
    return failed({ kind: 'withheld', message })
  }
  if (ending === undefined && !((heard.done || heard.closed) && said)) {
    if (heard.choices === 0 && heard.events > Number(heard.done)) return failed(NO_CHOICES)
    return failed(
      heard.done && heard.events > 1
        ? emptyAnswer('the provider gave no finish reason')
        : BROKE_OFF,
    )
  }
  if (ending === 'withheld') {
    return failed({ kind: 'withheld', message: `the provider withheld its answer (${reason()})` })
  }
  if (ending === 'cut') return cut(cutAtLimit(reason()))
  if (ending === 'broken') {
    const message = `the provider ended its answer with "${reason()}"`
    return failed({ kind: 'connection', message })
  }
  if (!said) return failed(emptyAnswer(reason()))
  if (ending === 'unknown' && toolCalls.length === 0) {
    return cut(`the provider ended its answer for an unknown reason: "${reason()}"`)
  }
  const echo = echoOf(heard, toolCalls.length > 0)
  const more = Object.keys(echo).length > 0 ? { echo } : {}
  return { kind: 'answered', answer: { text, toolCalls, ...more }, usage }
}

/** Reasoning goes back with tool calls only; a signature goes back with every message. */
function echoOf({ echo, spoken }: Heard, hasToolCalls: boolean): Readonly<Record<string, Json>> {
  const signature = echo[SIGNATURES]
  const { thoughts } = spoken
  if (hasToolCalls) return thoughts === '' ? echo : { ...echo, [THOUGHTS]: thoughts }
  return signature === undefined ? {} : { [SIGNATURES]: signature }
}

function cutAtLimit(finish: string): string {
  return `the answer was cut at its token limit (${finish}); raise maxOutputTokens, or ask for a shorter answer`
}

function emptyAnswer(finish: string): Failure {
  const message = `the provider answered with neither text nor tool calls (${finish})`
  return { kind: 'empty-answer', message }
}
