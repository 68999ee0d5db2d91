import { execFile } from 'node:child_process'

// Enough for the output of apt; none of our programs prints more.
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024
// The last lines carry the reason; a whole transcript would hide it.
const REASON_CHARS_MAX = 1500

/** Runs a short program to its end and returns its output; an error carries the end of its output. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: {
    readonly env: NodeJS.ProcessEnv
    readonly timeoutMs: number
    readonly signal?: AbortSignal | undefined
    readonly cwd?: string
  },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { env, timeoutMs, signal, cwd } = options
    execFile(
      file,
      args,
      { env, timeout: timeoutMs, maxBuffer: OUTPUT_BYTES_MAX, cwd, signal },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout)
        if (signal?.aborted) return reject(error)
        const said = (stderr || stdout).trim().slice(-REASON_CHARS_MAX)
        const how = error.killed
          ? `did not finish in ${timeoutMs / 1000} s`
          : `failed (${error.code ?? error.signal ?? 'unknown'})`
        reject(new Error(`${file} ${args[0] ?? ''} ${how}: ${said}`, { cause: error }))
      },
    )
  })
}
