/**
 * Arithmetic on text: numbers, + - * / % ^, parentheses and signs. It has its own parser instead of
 * `eval`, because the text comes from a model.
 */

/** The value, or why there is none. */
export type Arithmetic =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'wrong'; readonly reason: string }

/** Longer than any expression that a model writes; bounds the work. */
const LENGTH_MAX = 1_000
/** Nested parentheses and signs; bounds the stack. */
const DEPTH_MAX = 100

/** Evaluates an arithmetic expression. */
export function calculate(expression: string): Arithmetic {
  if (expression.length > LENGTH_MAX) {
    return { kind: 'wrong', reason: `the expression is longer than ${LENGTH_MAX} characters` }
  }
  const tokens = tokenise(expression)
  if (typeof tokens === 'string') return { kind: 'wrong', reason: tokens }
  const parser: Parser = { tokens, at: 0, depth: 0 }
  const value = sum(parser)
  if (typeof value === 'string') return { kind: 'wrong', reason: value }
  if (parser.at < tokens.length) return { kind: 'wrong', reason: unexpected(parser) }
  if (!Number.isFinite(value)) return { kind: 'wrong', reason: 'the result is not a finite number' }
  return { kind: 'value', value }
}

interface Parser {
  readonly tokens: readonly (number | string)[]
  at: number
  depth: number
}

/** A number, or a description of the error. */
type Value = number | string

function tokenise(expression: string): (number | string)[] | string {
  const tokens: (number | string)[] = []
  const text = expression.trimEnd()
  const token = /\s*(?:((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|([-+*/%^()]))/y
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const match = token.exec(text)
    if (match === null) return `the expression has an unexpected character at position ${at + 1}`
    tokens.push(match[1] === undefined ? (match[2] ?? '') : Number(match[1]))
  }
  return tokens
}

function sum(parser: Parser): Value {
  return chain(parser, product, { '+': (a, b) => a + b, '-': (a, b) => a - b })
}

function product(parser: Parser): Value {
  return chain(parser, signed, { '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b })
}

function chain(
  parser: Parser,
  operand: (parser: Parser) => Value,
  operators: Readonly<Record<string, (a: number, b: number) => number>>,
): Value {
  let left = operand(parser)
  for (;;) {
    if (typeof left === 'string') return left
    const token = parser.tokens[parser.at]
    const apply = typeof token === 'string' ? operators[token] : undefined
    if (apply === undefined) return left
    parser.at += 1
    const right = operand(parser)
    left = typeof right === 'string' ? right : apply(left, right)
  }
}

function signed(parser: Parser): Value {
  const token = parser.tokens[parser.at]
  if (token !== '-' && token !== '+') return power(parser)
  return nested(parser, () => {
    const value = signed(parser)
    return typeof value === 'string' || token === '+' ? value : -value
  })
}

/** Right-associative and stronger than a sign before it: -2^2 is -4, 2^3^2 is 512. */
function power(parser: Parser): Value {
  const base = atom(parser)
  if (typeof base === 'string' || parser.tokens[parser.at] !== '^') return base
  return nested(parser, () => {
    const exponent = signed(parser)
    return typeof exponent === 'string' ? exponent : base ** exponent
  })
}

function atom(parser: Parser): Value {
  const token = parser.tokens[parser.at]
  if (typeof token === 'number') {
    parser.at += 1
    return token
  }
  if (token !== '(') return unexpected(parser)
  return nested(parser, () => {
    const value = sum(parser)
    if (typeof value === 'string') return value
    if (parser.tokens[parser.at] !== ')') return unexpected(parser)
    parser.at += 1
    return value
  })
}

/** Skips one token and parses one level deeper. */
function nested(parser: Parser, parse: () => Value): Value {
  if (parser.depth >= DEPTH_MAX) return `the expression is nested deeper than ${DEPTH_MAX} levels`
  parser.at += 1
  parser.depth += 1
  const value = parse()
  parser.depth -= 1
  return value
}

function unexpected(parser: Parser): string {
  const token = parser.tokens[parser.at]
  return token === undefined ? 'unexpected end' : `unexpected ${JSON.stringify(String(token))}`
}
