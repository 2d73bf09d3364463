/** The plugins that JupyterLab and Notebook 7 load. */
import { cells } from './cells';
import { highlight } from './highlight';

export default [highlight, cells];
