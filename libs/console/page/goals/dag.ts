/** The fields of a step that the drawing uses. */
export interface DagStep {
  readonly id: string
  readonly dependsOn: readonly string[]
}

/** A step with its place: its layer from left to right, its row from top to bottom. */
export interface Placed<Step extends DagStep> {
  readonly step: Step
  readonly layer: number
  readonly row: number
}

/**
 * Puts each step one layer behind the last of those that it depends on; a circle, which the fleet refuses, is
 * cut.
 */
export function layersOf<Step extends DagStep>(steps: readonly Step[]): readonly Placed<Step>[] {
  const byId = new Map(steps.map((step) => [step.id, step]))
  const layers = new Map<string, number>()
  const layerOf = (id: string, above: ReadonlySet<string>): number => {
    const known = layers.get(id)
    const step = byId.get(id)
    if (known !== undefined) return known
    if (step === undefined || above.has(id)) return -1
    const path = new Set([...above, id])
    const layer = 1 + Math.max(-1, ...step.dependsOn.map((each) => layerOf(each, path)))
    layers.set(id, layer)
    return layer
  }
  const filled = new Map<number, number>()
  return steps.map((step) => {
    const layer = layerOf(step.id, new Set())
    const row = filled.get(layer) ?? 0
    filled.set(layer, row + 1)
    return { step, layer, row }
  })
}
