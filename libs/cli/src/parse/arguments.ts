import type { Command } from '../command.ts'
import { UsageError } from '../exit.ts'

/** One usage of a command: its first word, if it has one, and how many arguments it takes at most. */
interface Shape {
  readonly word: string | undefined
  readonly most: number
}

/** Refuses arguments that no usage of the command has: a command that ignored them would do something else. */
export function checkArguments(command: Command, args: readonly string[]): void {
  const shapes = command.usages.flatMap((usage) => shapesOf(usage, command.words ?? []))
  const [first] = args
  const named = shapes.filter(({ word }) => word !== undefined && word === first)
  const possible = named.length > 0 ? named : shapes.filter(({ word }) => word === undefined)
  // The command says itself which words it knows.
  if (possible.length === 0 || (named.length === 0 && command.words !== undefined)) return
  const most = Math.max(...possible.map((shape) => shape.most))
  if (args.length <= most) return
  throw new UsageError(
    `"${args[most]}" is one argument too many; put an argument with spaces in quotes. Run "agentfleet ${command.name} --help".`,
  )
}

/** The shapes of a usage such as `agents get [--version N] NAME`. */
function shapesOf(usage: string, words: readonly string[]): readonly Shape[] {
  const [, ...tokens] = usage
    .replaceAll(/\[([a-z]+)\]/g, (whole, word: string) => (words.includes(word) ? word : ''))
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/--\S+(?: [A-Z_]+…?)?/g, '')
    .split(' ')
    .filter(Boolean)
  const most = tokens.some((token) => token.endsWith('…')) ? Infinity : tokens.length
  const first = tokens[0]?.split('|') ?? []
  if (first.every((word) => words.includes(word)) && first.length > 0) {
    return first.map((word) => ({ word, most }))
  }
  return [{ word: undefined, most }]
}
