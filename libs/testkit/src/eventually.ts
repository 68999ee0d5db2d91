/** Checked this often, milliseconds: often enough for a bound in milliseconds, at little cost. */
const LOOK_EVERY_MS = 20

/**
 * Repeats an assertion until it holds; throws its last failure when `deadlineMs` is over. Tests wait on
 * conditions, never for a time.
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  deadlineMs: number,
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
