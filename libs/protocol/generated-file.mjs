import { mkdir, readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { format } from 'oxfmt'

/**
 * Writes a generated file, in the style of the repository. With `--check` it only says whether the file is out of
 * date, and which script of this package brings it up to date (exit code 1).
 */
export async function writeGenerated({ target, text, script }) {
  const style = JSON.parse(await readFile(new URL('../../.oxfmtrc.json', import.meta.url), 'utf8'))
  const { code: made, errors } = await format(fileURLToPath(target), text, style)
  if (errors.length > 0) throw new Error(`${target.pathname}: ${errors[0].message}`)
  if (!process.argv.includes('--check')) {
    await mkdir(new URL('.', target), { recursive: true })
    await writeFile(target, made)
  } else if ((await readFile(target, 'utf8').catch(() => '')) !== made) {
    process.stderr.write(
      `${target.pathname} is out of date: run \`npm run ${script} --prefix libs/protocol\`\n`,
    )
    process.exitCode = 1
  }
}
