package codepipeline

// String tells which execution of which pipeline is in which state.
func (d CodePipelinePipelineExecutionStateChange) String() string {
	return "execution " + d.ExecutionID + " of pipeline " + d.Pipeline + " is " + d.State
}

// String tells the same of a stage.
func (d CodePipelineStageExecutionStateChange) String() string {
	return "a stage in execution " + d.ExecutionID + " of pipeline " + d.Pipeline + " is " + d.State
}
