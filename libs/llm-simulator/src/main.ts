/** The simulator as a program: the only file that sees the environment and the process. */
import { readEnvironment } from './settings/environment.ts'
import { createSimulator } from './simulator.ts'

const read = readEnvironment(process.env)
if (read.kind === 'invalid') {
  process.stderr.write(`${JSON.stringify({ error: 'configuration', problems: read.problems })}\n`)
  process.exitCode = 1
} else {
  const { host, port, settings } = read.value
  const simulator = createSimulator(settings)
  const stop = (): void => {
    void simulator.close()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  try {
    const { url } = await simulator.listen(port, host)
    process.stdout.write(`${JSON.stringify({ simulated: true, url })}\n`)
  } catch (error) {
    process.stderr.write(`${JSON.stringify({ error: 'listen', problems: [String(error)] })}\n`)
    process.exitCode = 1
  }
}
