import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calculate } from '../src/arithmetic.ts'
import { builtInTools, runTool } from '../src/tools.ts'

describe('calculate', () => {
  test.each([
    ['1+2*3', 7],
    [' ( 1 + 2 ) * 3 ', 9],
    ['2^3^2', 512],
    ['-2^2', -4],
    ['2^-1', 0.5],
    ['10-4-3', 3],
    ['7%4/3', 1],
    ['--5', 5],
    ['.5e1+1.5', 6.5],
  ])('%s is %d', (expression, value) => {
    expect(calculate(expression)).toEqual({ kind: 'value', value })
  })

  test.each(['', '1+', '(1', '1)', '1 2', 'a', 'process.exit()', '1/0', '0/0', '9^9^9^9', '()'])(
    '"%s" has no value',
    (expression) => {
      expect(calculate(expression).kind).toBe('wrong')
    },
  )

  test('bounds length and depth', () => {
    expect(calculate('1'.repeat(1_001)).kind).toBe('wrong')
    expect(calculate('('.repeat(200) + '1' + ')'.repeat(200)).kind).toBe('wrong')
    expect(calculate('('.repeat(90) + '1' + ')'.repeat(90))).toEqual({ kind: 'value', value: 1 })
  })

  test('never throws, and never answers what is not finite', () => {
    const text = fc.stringMatching(/^[-+*/%^().0-9e ]{0,40}$/)
    fc.assert(
      fc.property(text, (expression) => {
        const result = calculate(expression)
        return result.kind === 'wrong' || Number.isFinite(result.value)
      }),
    )
  })

  test('agrees with the language on sums', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 20 }), (numbers) => {
        const value = numbers.reduce((sum, number) => sum + number, 0)
        expect(calculate(numbers.map((number) => `(${number})`).join('+'))).toEqual({
          kind: 'value',
          value,
        })
      }),
    )
  })
})

describe('runTool', () => {
  const run = (name: string, text: string) =>
    runTool(builtInTools(), { id: 'a', name, arguments: text })

  test('answers the model', () => {
    expect(run('calculate', '{"expression":"6*7"}')).toBe('42')
  })

  test.each([
    ['nothing', '{}'],
    ['calculate', '{'],
    ['calculate', ''],
    ['calculate', '{"expression":1}'],
    ['calculate', '{"expression":"1/0"}'],
  ])('tells the model of a wrong use of %s with %s', (name, text) => {
    expect(run(name, text)).toMatch(/^error: /)
  })
})
