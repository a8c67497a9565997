import { testModels } from "./everyday.js";
import { models } from "./event.model.js";

testModels(models);
