import { testModels } from "./everyday.js";
import { models } from "./allocator.model.js";

testModels(models);
