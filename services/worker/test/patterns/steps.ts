import type { Node } from './pattern-tree.ts'

/**
 * Counts the steps with which a backtracking matcher, as that of V8, searches a text: a measure that depends on no
 * clock. It counts a little more than V8, which knows shortcuts, but its counts grow in the same way.
 */

type Instruction =
  | { readonly op: 'character'; readonly matches: (character: string) => boolean }
  | { readonly op: 'start' | 'end' | 'match' | 'fail' }
  | { readonly op: 'edge'; readonly is: boolean }
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'ahead'; readonly program: readonly Instruction[]; readonly is: boolean }

/** Returns the program of a pattern. */
export function programOf(node: Node): readonly Instruction[] {
  const program: Instruction[] = []
  const emit = (part: Node): void => {
    switch (part.kind) {
      case 'character':
        program.push({ op: 'character', matches: part.matches })
        return
      case 'place':
        program.push(
          part.place === 'start' || part.place === 'end'
            ? { op: part.place }
            : { op: 'edge', is: part.place === 'edge' },
        )
        return
      case 'ahead':
        program.push({ op: 'ahead', program: programOf(part.node), is: part.is })
        return
      case 'nothing':
        return
      case 'all':
        for (const inner of part.nodes) emit(inner)
        return
      case 'one': {
        const jumps: number[] = []
        part.nodes.forEach((inner, at) => {
          const last = at === part.nodes.length - 1
          const split = program.length
          if (!last) program.push({ op: 'fail' })
          emit(inner)
          if (last) return
          jumps.push(program.length)
          program.push({ op: 'fail' })
          program[split] = { op: 'split', first: split + 1, second: program.length }
        })
        for (const jump of jumps) program[jump] = { op: 'jump', to: program.length }
        return
      }
      case 'repeat': {
        const { min, max, lazy } = part
        const splitAt = (split: number, inside: number, outside: number): void => {
          program[split] = lazy
            ? { op: 'split', first: outside, second: inside }
            : { op: 'split', first: inside, second: outside }
        }
        for (let times = 0; times < min; times += 1) emit(part.node)
        if (max === Infinity) {
          const split = program.length
          program.push({ op: 'fail' })
          emit(part.node)
          program.push({ op: 'jump', to: split })
          splitAt(split, split + 1, program.length)
          return
        }
        const splits: number[] = []
        for (let times = min; times < max; times += 1) {
          splits.push(program.length)
          program.push({ op: 'fail' })
          emit(part.node)
        }
        for (const split of splits) splitAt(split, split + 1, program.length)
      }
    }
  }
  emit(node)
  program.push({ op: 'match' })
  return program
}

/** Returns the steps of a search for every match in a text, or of the first `stepsMax` of them. */
export function stepsOf(
  program: readonly Instruction[],
  text: string,
  { sticky, all }: { readonly sticky: boolean; readonly all: boolean },
  stepsMax: number,
): number {
  const count = { steps: 0, max: stepsMax }
  for (let at = 0; at <= text.length && count.steps < stepsMax;) {
    const end = matchAt(program, text, at, count)
    if (end === undefined ? sticky : !all) break
    at = end === undefined ? at + 1 : Math.max(end, at + 1)
  }
  return count.steps
}

function matchAt(
  program: readonly Instruction[],
  text: string,
  start: number,
  count: { steps: number; readonly max: number },
): number | undefined {
  const left: number[] = [0, start]
  while (left.length > 0) {
    let at = left.pop() ?? 0
    let next = left.pop() ?? 0
    for (let alive = true; alive;) {
      count.steps += 1
      if (count.steps > count.max) return undefined
      const instruction = program[next]
      if (instruction === undefined) return undefined
      next += 1
      switch (instruction.op) {
        case 'match':
          return at
        case 'fail':
          alive = false
          break
        case 'character': {
          const character = text[at]
          alive = character !== undefined && instruction.matches(character)
          at += 1
          break
        }
        case 'start':
          alive = at === 0
          break
        case 'end':
          alive = at === text.length
          break
        case 'edge':
          alive = (isWord(text[at - 1]) !== isWord(text[at])) === instruction.is
          break
        case 'split':
          left.push(instruction.second, at)
          next = instruction.first
          break
        case 'jump':
          next = instruction.to
          break
        case 'ahead':
          alive = (matchAt(instruction.program, text, at, count) !== undefined) === instruction.is
      }
    }
  }
  return undefined
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /\w/.test(character)
}
