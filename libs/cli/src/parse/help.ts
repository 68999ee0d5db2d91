import type { Command, Options } from '../command.ts'
import { EXIT_MEANINGS } from '../exit.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'

/** The help of all commands. */
export function overallHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'agentfleet COMMAND [arguments] [options]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options of every command:',
    ...optionLines(GLOBAL_OPTIONS),
    '',
    'Exit codes:',
    ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
    'Run "agentfleet COMMAND --help" for the options of a command.',
  ].join('\n')
}

/** The help of one command. */
export function commandHelp({ summary, usages, options = {}, notes = [] }: Command): string {
  return [
    ...usages.map((usage) => `agentfleet ${usage}`),
    '',
    `  ${summary}`,
    ...(Object.keys(options).length === 0 ? [] : ['', 'Options:', ...optionLines(options)]),
    '',
    'Options of every command:',
    ...optionLines(GLOBAL_OPTIONS),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ].join('\n')
}

function optionLines(options: Options): readonly string[] {
  const rows = Object.entries(options).map(([name, { short, value, help, choices, multiple }]) => {
    const left = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
    const among = choices === undefined ? '' : ` (${choices.join(', ')})`
    return { left, right: `${help}${among}${multiple === true ? '; can be repeated' : ''}` }
  })
  const width = Math.max(...rows.map(({ left }) => left.length))
  return rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`)
}
