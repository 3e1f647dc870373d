package codepipeline

// String says which execution of which pipeline is in which state.
func (d PipelineExecutionStateChange) String() string {
	return "execution " + d.ExecutionID + " of pipeline " + d.Pipeline + " is " + d.State
}

// String says the same of a stage.
func (d StageExecutionStateChange) String() string {
	return "a stage in execution " + d.ExecutionID + " of pipeline " + d.Pipeline + " is " + d.State
}
