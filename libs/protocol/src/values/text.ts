import { z } from 'zod'

/** A text of at most this many Unicode characters, as JSON schema counts them. */
export function text(charsMax: number, charsMin = 0) {
  return z
    .string()
    .min(charsMin)
    .refine((value) => value.length <= charsMax || Array.from(value).length <= charsMax, {
      message: `must be at most ${charsMax} characters`,
    })
    .meta({ maxLength: charsMax })
}
