/** What a bundled worker runs: the library, which sees that it is in a worker, and the modules of the tasks. */
import "allcores";
import "./tasks.js";
