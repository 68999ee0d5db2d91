import { expect, test } from 'vitest'
import { jsonInAnswer } from '../src/json-answer.ts'

const ANSWER = '{"answer":42}'
const accepts = (value: unknown): boolean => JSON.stringify(value) === ANSWER

test.each<[string, string]>([
  ['alone', ANSWER],
  ['in a fence', `\`\`\`json\n${ANSWER}\n\`\`\``],
  ['in a fence of tildes', `~~~\n${ANSWER}\n~~~`],
  ['in a fence of five marks', `\`\`\`\`\`JSON\n${ANSWER}\n\`\`\`\`\``],
  ['in a fence without an end', `Here:\n\`\`\`json\n${ANSWER}`],
  [
    'in a fence behind another one',
    `\`\`\`\n{"no":1}\n\`\`\`\nand\n\`\`\`json\n${ANSWER}\n\`\`\`\n`,
  ],
  ['in single marks', `It is \`${ANSWER}\`.`],
  ['within prose', `The answer is ${ANSWER}, I think.`],
  ['behind thoughts', `<think>maybe {"answer":41}?</think>\n${ANSWER}`],
  ['behind thoughts in thoughts', `<think>a <thinking>b</think> c</think>${ANSWER}`],
  ['behind thoughts without their opening', `maybe {"answer":41}?</think>${ANSWER}`],
  ['behind thoughts of two kinds', `<Reasoning>a</Reasoning><think>b</think>${ANSWER}`],
  ['behind thoughts in brackets', `[THINK]{"answer":41}[/THINK]${ANSWER}`],
  ['behind thoughts in triangles', `◁think▷{"answer":41}◁/think▷${ANSWER}`],
  ['behind thoughts of a named model', `<seed:think>{"answer":41}</seed:think>${ANSWER}`],
  ['between marks of the model', `<|im_start|>${ANSWER}<|im_end|>`],
  ['between tags', `<answer>${ANSWER}</answer>`],
  ['with a byte order mark', `\uFEFF${ANSWER}`],
  ['with a comma too many', '{"answer":42,\n}'],
  ['with a bracket too many', `${ANSWER}}`],
  ['encoded twice', JSON.stringify(JSON.stringify(ANSWER))],
  ['as the only item of a list', `[${ANSWER}]`],
  ['as the only field of an object', `{"result":${ANSWER}}`],
  ['twice', `${ANSWER}\n${ANSWER}`],
  ['behind an opening without an end', `<think> ${ANSWER}`],
])('the JSON of an answer is found when the JSON stands %s', (_title, text) => {
  expect(jsonInAnswer(text, accepts)).toEqual({ answer: 42 })
})

test.each([
  '<think>',
  '<think></thought>',
  '~',
  '~~~ ',
  '```',
  '```x',
  '~~~x\n',
  '{',
  '{"',
  '[`',
  '"\\"',
  '"\\',
  ', ',
  '[THINK]',
  '</think>',
])('an answer that consists only of %j is read in reasonable time', (piece) => {
  const before = process.cpuUsage()
  jsonInAnswer(piece.repeat(200_000 / piece.length), () => false)
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_500)
})
