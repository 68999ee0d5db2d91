import type { Capabilities } from './capabilities.ts'

/**
 * What a refusal says about the limit of tokens of an answer. A budget sets the limit as high as its
 * rest allows, which may be more than a model accepts; the refusal usually tells what it accepts.
 */

/** The limit that fits one prompt. */
export const THIS_PROMPT = 'this prompt'
/** A limit that is above an unknown one of the model. */
export const THIS_LIMIT = 'this limit'

/** Whether a refusal is about the limit. */
const NAMED =
  /max_?(completion_|output_|new_)?_?tokens|max(imum)? tokens|(completion|output|generated) tokens|in the completion/i
/** The limit is too high. */
const TOO_HIGH =
  /too (large|many|high|big|long)|exceed|above|at most|maximum|greater|less than|[<>]=?|range|limit|between|up to|超过|超出|范围/i
/** The most that the model accepts; the last number of a range. */
const MOST: readonly RegExp[] = [
  /\d{1,12} (?:>|is greater than|exceeds) (\d{1,12})/i,
  /[[(]\s{0,9}\d{1,12}\s{0,9}[,~-]\s{0,9}(\d{1,12})\s{0,9}[\])]/,
  /between \d{1,12} (?:and|to) (\d{1,12})/i,
  /(?:at most|up to|<=|≤|less than or equal to|no more than|not exceed|cannot exceed|不能超过|不得超过)\s{0,9}:?\s{0,9}(\d{1,12})/i,
  /(?:maximum|max|limit|上限)(?: (?:allowed|value|is|of|for|the|number|completion|output|tokens?|this|model|supported)){0,6}\s{0,9}[:=]?\s{0,9}(\d{1,12})/i,
]
/** The context of the model, and the part of it that the prompt takes. */
const CONTEXT =
  /(?:(?:context|sequence)[\s_-]?(?:length|window|size|limit|len)|model_len)\D{0,40}?(\d{2,12})/i
const REQUESTED =
  /requested (?:about )?(\d{1,12}) tokens\b.*?(\d{1,12}) in (?:the|your) completion/is
const SUM = /(\d{1,12}) \+ \d{1,12} > (\d{1,12})/
const INPUT =
  /(\d{1,12})\W{0,2}(?:tokens )?(?:input|inputs|prompt)\W{0,2}\s?tokens|(\d{1,12}) tokens? (?:from|in) the (?:input|prompt|messages)|(?:prompt|input)[^.\d]{0,40}(\d{1,12})/i
const TOGETHER = /inputs tokens \+ max_new_tokens must be <= (\d{1,12})\. Given: (\d{1,12})/i

/** What the same call is repeated with, and the name of the lesson. */
export interface Adaptation {
  readonly reason: string
  readonly capabilities: Capabilities
}

/** A form of the request with a lower limit; undefined if the refusal is about something else. */
export function fewerTokens(
  now: Capabilities,
  said: string,
  sentMax: number | undefined,
): Adaptation | undefined {
  const text = said.replaceAll(/['"`]/g, '').replaceAll(/(\d)[,_](?=\d{3}\b)/g, '$1')
  if (sentMax === undefined || !NAMED.test(text) || !TOO_HIGH.test(text)) return undefined
  const room = roomIn(text)
  if (room !== undefined) {
    if (room < 1 || room >= sentMax) return undefined
    return { reason: THIS_PROMPT, capabilities: { ...now, outputTokensMax: room } }
  }
  if (CONTEXT.test(text)) return undefined
  const most = MOST.map((pattern) => Number(pattern.exec(text)?.[1]))
  const known = most.find((limit) => limit >= 1 && limit < sentMax)
  if (known !== undefined) {
    return { reason: 'output limit', capabilities: { ...now, outputTokensMax: known } }
  }
  // The model's own limit is lower than the one that was sent, so the answer stays within both.
  if (!/too (large|high|big)|exceeds?|above/i.test(text)) return undefined
  return { reason: THIS_LIMIT, capabilities: { ...now, tokensField: 'none' } }
}

/** Returns the tokens that the prompt leaves in the context; undefined if the text does not tell. */
function roomIn(text: string): number | undefined {
  const [, sum, whole] = SUM.exec(text) ?? []
  if (whole !== undefined) return Number(whole) - Number(sum)
  const [, most, taken] = TOGETHER.exec(text) ?? []
  if (most !== undefined) return Number(most) - Number(taken)
  const context = CONTEXT.exec(text)?.[1]
  if (context === undefined) return undefined
  const [, all, completion] = REQUESTED.exec(text) ?? []
  if (all !== undefined) return Number(context) - (Number(all) - Number(completion))
  const [, one, two, three] = INPUT.exec(text) ?? []
  const input = one ?? two ?? three
  return input === undefined ? undefined : Number(context) - Number(input)
}
