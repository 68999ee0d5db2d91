import type { ComponentChildren } from 'preact'
import { useEffect, useErrorBoundary } from 'preact/hooks'

/**
 * If a child fails to draw, only this child shows the failure, and the rest of the page stays: an answer of another
 * release may lack a field that a view draws. A change of `version` draws the content again.
 */
export function Boundary({
  version,
  children,
}: {
  version?: unknown
  children: ComponentChildren
}) {
  const [broken, again] = useErrorBoundary()
  useEffect(() => {
    if (broken !== undefined) again()
  }, [version])
  if (broken === undefined) return <>{children}</>
  return (
    <p class="problem box" role="alert">
      The page cannot show this answer of the gateway ({String(broken)}). Reload the page: the
      gateway may have another release than the page.
    </p>
  )
}

/** Draws what a function returns; it fails inside of the boundary around it. */
export function Drawn({ by }: { by: () => ComponentChildren }) {
  return <>{by()}</>
}
