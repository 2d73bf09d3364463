/**
 * Listens on each notebook kernel for the comm target `nbagents.cells` and inserts the cells that the kernel asks for.
 *
 * Kernel to browser: `{type: "insert_below", cells: [{cell_type, source, metadata?}], after?: <cell id>}`
 * Browser to kernel: `{type: "inserted", cell_ids: [...]}` or `{type: "error", message}`
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { insertBelow, parseRequest } from './insertion';
import type { Answer } from './insertion';

export const TARGET = 'nbagents.cells';

/** One kernel's requests, answered from whichever notebook of it has the cell. */
function serve(kernel: Kernel.IKernelConnection, tracker: INotebookTracker, trans: TranslationBundle): void {
  const answer = (message: KernelMessage.ICommMsgMsg): Answer => {
    try {
      const request = parseRequest(message.content.data, trans);
      return { type: 'inserted', cell_ids: insertBelow(tracker, kernel.id, request, trans) };
    } catch (error) {
      return { type: 'error', message: error instanceof Error ? error.message : String(error) };
    }
  };
  kernel.registerCommTarget(TARGET, comm => {
    comm.onMsg = message => {
      comm.send(answer(message));
    };
  });
}

/**
 * Serves each kernel once, however many notebooks show it: the page gives one connection per kernel id the comms
 * (`handleComms`), and a session tells of the same connection by `ready` and by `kernelChanged`.
 */
function watch(tracker: INotebookTracker, trans: TranslationBundle): void {
  const served = new WeakSet<Kernel.IKernelConnection>();
  const bind = (kernel: Kernel.IKernelConnection | null | undefined): void => {
    if (kernel?.handleComms && !served.has(kernel)) {
      served.add(kernel);
      serve(kernel, tracker, trans);
    }
  };
  const follow = (panel: NotebookPanel): void => {
    panel.sessionContext.kernelChanged.connect((_, change) => bind(change.newValue));
    bind(panel.sessionContext.session?.kernel);
  };
  tracker.forEach(follow);
  tracker.widgetAdded.connect((_, panel) => follow(panel));
}

export const cells: JupyterFrontEndPlugin<void> = {
  id: 'nbagents:cells',
  description: 'Inserts cells below the running one when the kernel asks for it.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker, translator: ITranslator | null): void => {
    watch(tracker, (translator ?? nullTranslator).load('nbagents'));
  }
};
