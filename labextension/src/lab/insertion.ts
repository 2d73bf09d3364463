/**
 * Cells put into a notebook on the kernel's request, as one undo step of their own.
 *
 * A request names the cell to insert below by its nbformat id, because the person may have clicked elsewhere since the
 * cell started; without an id the active cell of the notebook in front is meant.
 */
import type { JSONObject, JSONValue, PartialJSONObject } from '@lumino/coreutils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { YNotebook } from '@jupyter/ydoc';

export interface CellSource {
  cell_type: 'code' | 'markdown';
  source: string;
  metadata?: PartialJSONObject;
}

/** What the kernel sends. */
export interface InsertBelow {
  type: 'insert_below';
  cells: CellSource[];
  after?: string;
}

/** What it gets back. A type, not an interface, so that it passes as JSON. */
export type Answer = { type: 'inserted'; cell_ids: string[] } | { type: 'error'; message: string };

interface Place {
  notebook: YNotebook;
  index: number;
}

/** Does what `request` asks in a notebook that runs on `kernelId`; throws an error whose text is for the user. */
export function insertBelow(
  tracker: INotebookTracker,
  kernelId: string,
  request: InsertBelow,
  trans: TranslationBundle
): string[] {
  const { notebook, index } = findPlace(tracker, kernelId, request.after, trans);
  const before = notebook.cells.length;
  // Yjs joins changes of the same half second into one undo step: close the step on both sides of ours.
  notebook.undoManager.stopCapturing();
  notebook.transact(() => {
    notebook.insertCells(index, request.cells.map(({ cell_type, source, metadata }) => ({
      cell_type, source, metadata: metadata ?? {}
    })));
  });
  notebook.undoManager.stopCapturing();
  return notebook.cells.slice(index, index + notebook.cells.length - before).map(cell => cell.getId());
}

function findPlace(
  tracker: INotebookTracker,
  kernelId: string,
  after: string | undefined,
  trans: TranslationBundle
): Place {
  const panels = panelsOf(tracker, kernelId);
  for (const panel of panels) {
    const index = after === undefined ? panel.content.activeCellIndex : indexOf(panel, after);
    if (index !== -1 && panel.model) {
      if (panel.model.readOnly) {
        throw new Error(trans.__('The notebook %1 is read-only.', panel.context.path));
      }
      return { notebook: panel.model.sharedModel as YNotebook, index: index + 1 };
    }
  }
  throw new Error(
    after === undefined
      ? trans.__('No open notebook runs on this kernel.')
      : trans.__('No open notebook on this kernel has a cell with the id %1.', after)
  );
}

/** The open notebooks of a kernel, the one in front first. */
function panelsOf(tracker: INotebookTracker, kernelId: string): NotebookPanel[] {
  const panels = tracker.filter(panel => panel.sessionContext.session?.kernel?.id === kernelId);
  const current = tracker.currentWidget;
  return current && panels.includes(current) ? [current, ...panels.filter(panel => panel !== current)] : panels;
}

function indexOf(panel: NotebookPanel, cellId: string): number {
  return panel.model?.sharedModel.cells.findIndex(cell => cell.getId() === cellId) ?? -1;
}

/** Reads a message of the kernel; throws when it is not a request that we know. */
export function parseRequest(data: JSONValue, trans: TranslationBundle): InsertBelow {
  const message = data as Partial<InsertBelow> | null;
  if (message?.type !== 'insert_below') {
    throw new Error(trans.__('Unknown request %1: expected "insert_below".', JSON.stringify(message?.type ?? null)));
  }
  if (!Array.isArray(message.cells) || message.cells.length === 0 || !message.cells.every(isCell)) {
    throw new Error(trans.__('"cells" must be a list of {cell_type: "code" or "markdown", source, metadata?}.'));
  }
  if (message.after !== undefined && message.after !== null && typeof message.after !== 'string') {
    throw new Error(trans.__('"after" must be the id of a cell.'));
  }
  return { type: 'insert_below', cells: message.cells, after: message.after ?? undefined };
}

function isCell(value: unknown): value is CellSource {
  const cell = value as Partial<CellSource> | null;
  const metadata = cell?.metadata as JSONObject | null | undefined;
  return (
    (cell?.cell_type === 'code' || cell?.cell_type === 'markdown') &&
    typeof cell.source === 'string' &&
    (metadata === undefined || (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)))
  );
}
