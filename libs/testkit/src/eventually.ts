/** Checked this often, milliseconds: often enough for a bound in milliseconds, at little cost. */
const LOOK_EVERY_MS = 20

/** Far above what any step of a healthy system takes on a busy machine, milliseconds: only a failing test waits so long. */
const DEADLINE_MS = 20_000

/**
 * Repeats an assertion until it holds; throws its last failure when `deadlineMs` is over. Tests wait on
 * conditions, never for a time. A test names a deadline only if it means this duration.
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    try {
      return await assertion()
    } catch (error) {
      if (performance.now() >= deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }
}
